"""`medsiam review`: the reading page in a browser, on this computer only."""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsiam.cli.review_login import ADDRESS, Entrance, entrance
from medsiam.cli.terminal import notice, print_text
from medsiam.errors import MedsiamError, UsageError

UPLOAD_MEGABYTES = 512
_SECONDS_TO_START = 60.0
_SECONDS_TO_END = 3.0

# Streamlit's defaults listen on every interface, report usage and show tracebacks on the page.
# Flags win over a config.toml of the user and over the environment.
_SAFE = {
    "server.headless": "true",
    "server.enableXsrfProtection": "true",
    "server.enableCORS": "true",
    "server.enableStaticServing": "false",
    "server.enableAgentApi": "false",
    "server.maxUploadSize": str(UPLOAD_MEGABYTES),
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.showEmailPrompt": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "runner.magicEnabled": "false",
}
# A dark reading room and a light one: quiet greys beside the images, one accent that the
# colour-blind can tell. The reader switches in the menu at the top right.
_THEME = {
    "theme.baseFontSize": "15",
    "theme.baseRadius": "small",
    "theme.font": "sans-serif",
    "theme.dark.primaryColor": "#56B4E9",
    "theme.dark.backgroundColor": "#0E1116",
    "theme.dark.secondaryBackgroundColor": "#1A1F27",
    "theme.dark.textColor": "#E6E9EE",
    "theme.dark.borderColor": "#303845",
    "theme.light.primaryColor": "#005A96",
    "theme.light.backgroundColor": "#FFFFFF",
    "theme.light.secondaryBackgroundColor": "#EEF1F5",
    "theme.light.textColor": "#1B2027",
    "theme.light.borderColor": "#C4CBD4",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "review",
        help="open the reading page in a browser",
        description="Serve the reading page to a browser on this computer (127.0.0.1 unless there "
        "is a login): open a study, see the ranked matches of the bank beside it. Ctrl-C ends it.",
    )
    parser.add_argument("--bank", metavar="BANK", required=True)
    parser.add_argument(
        "--studies", type=Path, help="folder whose studies may be opened; without it: upload only"
    )
    parser.add_argument(
        "--batches", type=Path, help="folder whose outputs of `medsiam score` may be looked at"
    )
    parser.add_argument(
        "--runs", type=Path, help="folder whose runs of `medsiam train` may be looked at"
    )
    parser.add_argument(
        "--curate", action="store_true", help="let those who look add cases to the bank"
    )
    parser.add_argument("--port", type=int, default=8501, help="port to listen on (default 8501)")
    parser.add_argument(
        "--address",
        default=ADDRESS,
        help=f"address to listen on (default {ADDRESS}); one that others reach needs a login",
    )
    parser.add_argument(
        "--secrets",
        type=Path,
        metavar="FILE",
        help="TOML file with Streamlit's [auth] section: readers log in before they see anything",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from medsiam import ReferenceBank

    bank = ReferenceBank.open(args.bank)
    for option, folder in _folders(args).items():
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder}: no such folder; --{option} needs an existing folder")
    way_in = entrance(args.address, args.secrets)
    require_free_port(args.port, way_in.address)
    command = streamlit_command(app_script(), args.port, way_in)
    environment = app_environment(
        bank.reopened_by, _folders(args), curate=args.curate, login=way_in.secrets is not None
    )
    with _server(command, environment) as server:
        try:
            _wait_until_it_answers(server, args.port, way_in.address)
            print_text(f"bank {bank.name}: open {_url(way_in.address, args.port)} in a browser")
            sys.stdout.flush()
            notice("Ctrl-C ends it")
            code = server.wait()
        except KeyboardInterrupt:
            return 0
    raise MedsiamError(f"the app ended by itself (code {code}); see the lines above")


def app_script() -> Path:
    """The server: in the wheel's private copy, else in the repository beside the package."""
    package = Path(__file__).parents[1]
    for folder in (package / "_app", package.parent / "app"):
        if (folder / "server.py").is_file():
            return folder / "server.py"
    raise MedsiamError("the app is missing from this installation; install medsiam again")


def streamlit_command(script: Path, port: int, way_in: Entrance) -> list[str]:
    """The command line that serves `script` with safe settings."""
    flags = {
        **_SAFE,
        **_THEME,
        "server.address": way_in.address,
        "browser.serverAddress": way_in.names[0],
        "server.port": str(port),
    }
    if way_in.secrets is not None:
        flags["secrets.files"] = str(way_in.secrets)
    options = [f"--{name}={value}" for name, value in flags.items()]
    # Another page that points its own name at this computer must not reach the app.
    options += [f"--server.allowedHosts={name}" for name in way_in.names]
    return [sys.executable, "-m", "streamlit", "run", str(script), *options]


def app_environment(
    bank: str, folders: dict[str, Path | None], *, curate: bool = False, login: bool = False
) -> dict[str, str]:
    """The environment of the app: what it may open and do, and no setting from outside.

    Args:
        bank: what opens the bank from any folder (`ReferenceBank.reopened_by`).
        folders: "studies", "batches", "runs" -> what may be looked at there.
        curate: whether cases may be added.
        login: whether readers must log in.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMLIT_", "MEDSIAM_REVIEW_"))
    }
    environment["MEDSIAM_REVIEW_BANK"] = bank
    for name, folder in folders.items():
        if folder is not None:
            environment[f"MEDSIAM_REVIEW_{name.upper()}"] = str(folder.resolve())
    if curate:
        environment["MEDSIAM_REVIEW_CURATE"] = "1"
    if login:
        environment["MEDSIAM_REVIEW_LOGIN"] = "1"
    return environment


def _folders(args: argparse.Namespace) -> dict[str, Path | None]:
    return {"studies": args.studies, "batches": args.batches, "runs": args.runs}


def require_free_port(port: int, address: str = ADDRESS) -> None:
    """Refuse a port that cannot be listened on, in one line instead of a server's log."""
    if not 1 <= port <= 65535:
        raise UsageError(f"--port {port}: a port is a number from 1 to 65535")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UsageError(
                f"port {port} of {address} cannot be used ({error.strerror}); "
                "choose another with --port"
            ) from error


@contextmanager
def _server(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the server for as long as the block lasts."""
    # Its stdout repeats the address and holds tracebacks, which may quote a header.
    shown = 2 if environment.get("MEDSIAM_TRACEBACK") else subprocess.DEVNULL
    # Started in the app's own folder, where no foreign .streamlit/config.toml can lie.
    server = subprocess.Popen(command, env=environment, stdout=shown, cwd=Path(command[4]).parent)
    try:
        yield server
    finally:
        server.terminate()
        try:
            server.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_it_answers(server: subprocess.Popen[bytes], port: int, address: str) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end:
        if server.poll() is not None:
            raise MedsiamError(
                f"the app did not start (code {server.returncode}); see the lines above"
            )
        if _is_healthy(port, address):
            return
        time.sleep(0.1)
    raise MedsiamError(f"the app did not answer within {_SECONDS_TO_START:.0f} s; try again")


def _is_healthy(port: int, address: str) -> bool:
    everywhere = {"0.0.0.0": ADDRESS, "::": "::1"}  # noqa: S104 - asked, not listened on
    connection = http.client.HTTPConnection(everywhere.get(address, address), port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health", headers={"Host": ADDRESS})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _url(address: str, port: int) -> str:
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
