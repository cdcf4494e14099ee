"""XLSForm to XForm as Central does it, by pyxform.

Where the settings name no form id, the file name sent along does. Central runs ODK Validate as well; the
stand-in does not.
"""

import tempfile
from pathlib import Path

from pyxform.errors import PyXFormError
from pyxform.xls2xform import convert

from survey.sandbox.central import problems


def xlsx_to_xform(workbook: bytes, fallback: str | None) -> tuple[str, list[str]]:
    """The XForm of a workbook and pyxform's warnings; 400.15 where pyxform refuses it.

    pyxform takes the fallback id from a file's name only, hence the file.
    """
    stem = Path((fallback or "data").replace("\0", "")).name or "data"
    with tempfile.TemporaryDirectory(prefix="standin") as folder:
        path = Path(folder) / f"{stem}.xlsx"
        path.write_bytes(workbook)
        try:
            result = convert(path)
        except PyXFormError as error:
            raise problems.bad_xlsform(str(error), None) from error
    if result.itemsets:
        raise problems.not_supported("external selects (itemsets.csv)")
    return result.xform, list(result.warnings)
