"""PNG, JPEG and TIFF -> 2D `Scan`, grey or RGB, as bright as shown on screen."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from medsiam.errors import ScanError
from medsiam.scans.faults import ScanWarning, fault, warning
from medsiam.scans.limits import check_parts
from medsiam.scans.picture_head import check_picture, check_pixels
from medsiam.scans.scan import Scan
from medsiam.scans.screenshot import coloured_marks
from medsiam.scans.values import finite

_FORMATS = ("PNG", "JPEG", "TIFF")
_GREY = {"L", "F", "I", "I;16", "I;16L", "I;16B", "I;16N"}
_TO_RGB = {"RGB", "RGBX", "CMYK", "YCbCr", "HSV"}
_PHOTOMETRIC, _BITS, _SAMPLE_FORMAT = 262, 258, 339  # TIFF tags
_WHITE_IS_ZERO = 0
_ROWS = 32  # turned at a time


def read_image(path: Path, *, part: int | None = None) -> Scan:
    """Read a picture without geometry: affine and spacing are None.

    16-bit grey is kept, palettes are expanded, EXIF orientation is applied, alpha is put on black.

    Args:
        path: the file.
        part: which page of a TIFF or frame of a PNG, from 0.

    Raises:
        ScanError: `too_large`, `expands_too_much`, `multi_page`, `no_such_part`,
            `truncated_pixels`, `damaged_image`, `unsupported_pixels`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            # Given a name, Pillow 13 maps a raw TIFF into memory and scrambles one that EXIF turns.
            with path.open("rb") as file:
                pages = check_picture(file, path)
                with Image.open(file, formats=_FORMATS) as image:
                    _turn_to(image, part, pages, path)
                    check_pixels(path, image.size)
                    image.load()
                    said = _loss_of_depth(image, path)
                    array, flattened = _grey_or_rgb(_upright(image), path)
                    array = _unsigned(array, image)
                    marks = coloured_marks(array)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError):
            what = f"more than {Image.MAX_IMAGE_PIXELS or 0:,} pixels"
            raise fault("too_large", path, what) from None
        except UnidentifiedImageError:
            raise _not_identified(path) from None
        except (OSError, EOFError, SyntaxError, ValueError, struct.error) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's fault, not the picture's
            code = "truncated_pixels" if "truncated" in str(error) else "damaged_image"
            raise fault(code, path, "it cannot be decoded to its end") from None
    values, replaced = finite(_columns_first(array), path)
    return Scan(
        array=values,
        spatial_dims=2,
        sources=(path,),
        warnings=(*said, *flattened, *marks, *replaced),
    )


def _columns_first(array: NDArray[Any]) -> NDArray[np.float32]:
    """Exchange rows and columns, some rows at a time: several times as fast as all at once."""
    rows, columns, *colours = array.shape
    turned = np.empty((columns, rows, *colours), np.float32)
    for row in range(0, rows, _ROWS):
        turned[:, row : row + _ROWS] = np.swapaxes(array[row : row + _ROWS], 0, 1)
    return turned


def _turn_to(image: Image.Image, part: int | None, pages: int, path: Path) -> None:
    """Go to the page that is meant; there must be no choice where none was made."""
    if image.format == "PNG":
        pages = getattr(image, "n_frames", 1)
        check_parts(path, (part or 0) + 1, image.width * image.height)  # each is painted on others
    # A JPEG with several pictures (MPO) holds previews behind the one that every viewer shows.
    if part is None and pages > 1:
        raise fault("multi_page", path, f"it holds {pages} pictures")
    if part is not None and not 0 <= part < pages:
        raise fault("no_such_part", path, f"no part {part} among {pages} (from 0)")
    if part:
        image.seek(part)


def _not_identified(path: Path) -> ScanError:
    """A TIFF has come through the check of its structure: only its kind of pixels is unknown."""
    with path.open("rb") as file:
        is_tiff = file.read(2) in (b"II", b"MM")
    if is_tiff:
        return fault("unsupported_pixels", path, "a TIFF with an unusual kind of pixels")
    return fault("damaged_image", path, "its header makes no sense")


def _upright(image: Image.Image) -> Image.Image:
    """Turn as EXIF asks, and TIFF's white-is-zero round where Pillow left it."""
    tags: Any = getattr(image, "tag_v2", {})
    turned = ImageOps.exif_transpose(image)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO and turned.mode.startswith("I;16"):
        return Image.fromarray(np.uint16(65535) - np.asarray(turned))
    return turned


def _grey_or_rgb(image: Image.Image, path: Path) -> tuple[NDArray[Any], tuple[ScanWarning, ...]]:
    """Return (rows, columns) or (rows, columns, 3), and a sentence where alpha had a say."""
    mode = image.mode
    if mode == "1":
        return np.asarray(image.convert("L")), ()
    if mode in _GREY:
        return np.asarray(image), ()
    if mode in ("LA", "La"):
        return _on_black(image.convert("LA"), "L")
    if mode in ("RGBA", "RGBa", "PA") or "transparency" in image.info:
        return _on_black(image.convert("RGBA"), "RGB")
    if mode == "P" or mode in _TO_RGB:
        return np.asarray(image.convert("RGB")), ()
    raise fault("unsupported_pixels", path, f"pixels of mode {mode}")


def _unsigned(values: NDArray[Any], image: Image.Image) -> NDArray[Any]:
    """Return grey values; Pillow takes a TIFF's unsigned numbers of 32 bits for signed ones."""
    tags: Any = getattr(image, "tag_v2", {})
    is_unsigned = tags.get(_SAMPLE_FORMAT, (1,)) == (1,) and tags.get(_BITS) == (32,)
    return values.view(np.uint32) if is_unsigned and values.dtype == np.int32 else values


def _on_black(image: Image.Image, mode: str) -> tuple[NDArray[Any], tuple[ScanWarning, ...]]:
    alpha = image.getchannel("A")
    if np.asarray(alpha).min() == 255:
        return np.asarray(image.convert(mode)), ()
    black = Image.new(mode, image.size)
    black.paste(image.convert(mode), mask=alpha)
    return np.asarray(black), (warning("transparency", "transparent parts were put on black"),)


def _loss_of_depth(image: Image.Image, path: Path) -> tuple[ScanWarning, ...]:
    """Say where Pillow reads colour of 16 bits a channel with 8."""
    if image.mode in _GREY:
        return ()
    bits = 8
    if image.format == "PNG":
        with path.open("rb") as file:
            bits = file.read(25)[24]  # IHDR: bit depth
    elif image.format == "TIFF":
        tags: Any = getattr(image, "tag_v2", {})
        bits = max(tags.get(_BITS, (8,)))
    what = f"{bits} bits a channel were read with 8"
    return (warning("reduced_depth", what),) if bits > 8 else ()
