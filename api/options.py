"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from domain.refusal import Refusal
from domain.text import check_email


def _directory(text: str) -> Path:
    return Path(text).expanduser()


DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="DRYPOWDER_DATA_DIR",
        parser=_directory,
        metavar="DIRECTORY",
        help="Where the embedded servers and the signing secret live; a per-user place if left out.",
    ),
]
Fund = Annotated[str, typer.Option("--fund", metavar="ID", help="The fund, as `drypowder funds` lists it.")]


def email_of(text: str, option: str) -> str:
    """The e-mail address given by an option.

    Raises:
        typer.BadParameter: If it is none.
    """
    try:
        check_email(text)
    except Refusal:
        raise typer.BadParameter("an e-mail address is needed", param_hint=f"'{option}'") from None
    return text
