"""`--send` and `--stow`: where results in DICOM go, for every command that sends them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from medsiam.pacs import Destination


def add_way_back(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    back = parser.add_mutually_exclusive_group()
    back.add_argument("--send", metavar="AET@HOST:PORT", help="send results there by C-STORE")
    back.add_argument("--stow", metavar="URL", help="send results there by DICOMweb STOW-RS")
    parser.add_argument("--aet", default="MEDSIAM", help="our own AE title (default MEDSIAM)")


def chosen_destination(args: argparse.Namespace) -> Destination | None:
    """Return where results go; None where they stay.

    Raises:
        UsageError: an address of another form.
        MissingExtraError: without the extra `pacs`.
    """
    if args.send is None and args.stow is None:
        return None
    from medsiam.pacs import check_ae_title, parse_peer, parse_stow, send_by_store, send_by_stow

    if args.send is not None:
        return send_by_store(parse_peer(args.send), ae_title=check_ae_title(args.aet))
    return send_by_stow(parse_stow(args.stow))
