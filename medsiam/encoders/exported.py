"""What lies beside an encoder's weights for a faster runtime, and which runtime is used.

    openvino/network.xml, network.bin    the backbone as a graph that OpenVINO runs
    openvino/card.json                   of which weights, and what was measured against torch

Nothing here needs torch or OpenVINO.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from medsiam.encoders.openvino_package import openvino_version
from medsiam.encoders.runtimes import RuntimeChoice, RuntimeName
from medsiam.errors import EncoderError, MissingExtraError, OutputError
from medsiam.writing import replace_folder

FOLDER = "openvino"
CARD = "card.json"
GRAPH = "network.xml"
VALUES = "network.bin"
FILES = tuple(f"{FOLDER}/{name}" for name in (CARD, GRAPH, VALUES))

# What a runtime of lower precision must keep, and of how many scans that is believed.
LEAST_SAME = 0.99
LEAST_SCANS = 100


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RuntimeParity(_Record):
    """How a runtime's embeddings differ from torch's, on the scans of one table.

    Cosine similarity is not among the figures: embeddings that differ by as much as two patients
    do can still have one of .99.

    Attributes:
        runtime: that was measured.
        n_scans: embedded by both.
        same_neighbour: share of scans whose nearest other patient among torch's embeddings is the
            same for both.
        drift: largest distance between both embeddings of a scan, as a share of the median
            distance between scans of two patients.
        measured_on: name of the table.
        openvino: its version.
        processor: what did the work; others may round differently.
        created: UTC, ISO 8601.
    """

    runtime: RuntimeName
    n_scans: int
    same_neighbour: float = Field(ge=0, le=1)
    drift: float = Field(ge=0)
    measured_on: str
    openvino: str
    processor: str
    created: str

    @property
    def fault(self) -> str | None:
        """Why the runtime is not to be used; None where it may be."""
        if self.n_scans < LEAST_SCANS:
            return f"it was measured on {self.n_scans} scans, {LEAST_SCANS} are needed"
        if self.same_neighbour < LEAST_SAME:
            return (
                f"{self.same_neighbour:.1%} of {self.n_scans} scans keep their nearest "
                f"neighbour, {LEAST_SAME:.0%} are needed"
            )
        return None


class ExportCard(_Record):
    """card.json of an exported graph.

    Attributes:
        fingerprint: of the encoder.
        n_maps: feature maps of each look at a scan.
        probe: torch's embedding of the scan `probe_scan` makes.
        sha256: of each file beside the card.
        parity: what was measured.
        medsiam_version, openvino: of the programs that made it.
        created: UTC, ISO 8601.
    """

    fingerprint: str
    n_maps: int = Field(ge=1)
    probe: tuple[float, ...]
    sha256: dict[str, str]
    parity: tuple[RuntimeParity, ...] = ()
    medsiam_version: str
    openvino: str
    created: str

    def parity_of(self, runtime: RuntimeName) -> RuntimeParity | None:
        """Return what was measured of a runtime."""
        return next((one for one in self.parity if one.runtime == runtime), None)


@dataclass(frozen=True)
class Exported:
    """An exported graph, read and checked: card and files."""

    card: ExportCard
    graph: bytes = field(repr=False)
    values: bytes = field(repr=False)

    def files(self) -> dict[str, bytes]:
        """Return path below the encoder's folder -> content."""
        card = (self.card.model_dump_json(indent=2) + "\n").encode()
        return dict(zip(FILES, (card, self.graph, self.values), strict=True))


def find_exported(encoder: Path, fingerprint: str) -> Exported | None:
    """Read what was exported beside an encoder; None where nothing was.

    Args:
        encoder: its folder.
        fingerprint: of its weights.

    Raises:
        EncoderError: damaged files, or a graph of other weights.
    """
    if not (encoder / FOLDER / CARD).is_file():
        return None
    try:
        contents = {name: (encoder / name).read_bytes() for name in FILES}
    except OSError as error:
        raise EncoderError(f"cannot read {error.filename}: {error.strerror}; {_AGAIN}") from error
    return check_exported(contents, fingerprint, where=encoder)


def check_exported(contents: Mapping[str, bytes], fingerprint: str, *, where: object) -> Exported:
    """Hold the files of a graph against its card, and the card against the encoder.

    Args:
        contents: path below the encoder's folder -> content, of `FILES`.
        fingerprint: of the encoder's weights.
        where: the encoder is, for errors.

    Raises:
        EncoderError: damaged files, or a graph of other weights.
    """
    card_name, graph_name, values_name = FILES
    try:
        card = ExportCard.model_validate_json(contents[card_name])
    except ValidationError as error:
        raise EncoderError(f"{where}: {card_name} is no card of a graph; {_AGAIN}") from error
    for name in (graph_name, values_name):
        digest = hashlib.sha256(contents[name]).hexdigest()
        if digest != card.sha256.get(name.removeprefix(f"{FOLDER}/")):
            raise EncoderError(f"{where}: {name} is damaged; {_AGAIN}")
    if card.fingerprint != fingerprint:
        raise EncoderError(
            f"{where}: its graph was made from other weights ({card.fingerprint[:12]}) than those "
            f"beside it ({fingerprint[:12]}); {_AGAIN}"
        )
    return Exported(card, contents[graph_name], contents[values_name])


def write_exported(exported: Exported, encoder: Path) -> None:
    """Put a graph beside an encoder; one that is there is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    files = {name.removeprefix(f"{FOLDER}/"): data for name, data in exported.files().items()}
    try:
        replace_folder(encoder.absolute() / FOLDER, files)
    except OSError as error:
        raise OutputError(f"cannot write {encoder / FOLDER}: {error.strerror}") from error


def choose_runtime(wanted: RuntimeChoice, exported: Exported | None, *, name: str) -> RuntimeName:
    """Return the runtime that is used.

    Args:
        wanted: "auto": the fastest exact one that is there.
        exported: what lies beside the encoder.
        name: of the encoder or the bank, for errors.

    Raises:
        EncoderError: not exported; or "openvino-bf16" where it was not measured, or failed.
        MissingExtraError: without the extra `openvino`.
    """
    installed = openvino_version() is not None
    if wanted == "torch" or (wanted == "auto" and (exported is None or not installed)):
        return "torch"
    if not installed:
        raise MissingExtraError(
            f"--runtime {wanted} needs the extra `openvino`: pip install 'medsiam[openvino]'"
        )
    if exported is None:
        raise EncoderError(
            f"{name} has no graph for OpenVINO yet; make one with `medsiam export {name} "
            "--format openvino`"
        )
    if wanted != "openvino-bf16":
        return "openvino"
    parity = exported.card.parity_of(wanted)
    fault = "it was not measured on this encoder" if parity is None else parity.fault
    if fault is not None:
        raise EncoderError(
            f"--runtime {wanted} is not allowed for {name}: {fault}; `medsiam export {name} "
            "--format openvino --cases CASES.csv` measures it"
        )
    return "openvino-bf16"


_AGAIN = (
    f"export the encoder again (`medsiam export`), delete the folder {FOLDER}, or use "
    "--runtime torch"
)
