"""REPORT: a comparison as JSON, CSV, one page to look at (HTML, PDF), and DICOM for an archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.reports.calibration_page import write_calibration_page as write_calibration_page
    from medsiam.reports.calibration_words import calibration_rows as calibration_rows
    from medsiam.reports.calibration_words import calibration_sentences as calibration_sentences
    from medsiam.reports.dicom_object import need_pacs_extra as need_pacs_extra
    from medsiam.reports.dicom_results import DicomResults as DicomResults
    from medsiam.reports.dicom_results import check_can_write_dicom as check_can_write_dicom
    from medsiam.reports.dicom_results import write_dicom_results as write_dicom_results
    from medsiam.reports.differences import FactPair as FactPair
    from medsiam.reports.differences import fact_pairs as fact_pairs
    from medsiam.reports.document import comparison_document as comparison_document
    from medsiam.reports.document import query_path as query_path
    from medsiam.reports.document import write_json as write_json
    from medsiam.reports.hidden_names import nameless as nameless
    from medsiam.reports.hidden_names import study_name as study_name
    from medsiam.reports.key_file import read_key as read_key
    from medsiam.reports.map_file import map_nifti as map_nifti
    from medsiam.reports.overlay import overlay_png as overlay_png
    from medsiam.reports.overlay import strongest_slices as strongest_slices
    from medsiam.reports.page import write_page as write_page
    from medsiam.reports.pdf import write_pdf as write_pdf
    from medsiam.reports.pictures import display_window as display_window
    from medsiam.reports.pictures import encode_png as encode_png
    from medsiam.reports.pictures import percentile_window as percentile_window
    from medsiam.reports.pictures import render_slice as render_slice
    from medsiam.reports.planes import Plane as Plane
    from medsiam.reports.planes import axis_of as axis_of
    from medsiam.reports.planes import main_axis as main_axis
    from medsiam.reports.planes import plane_of as plane_of
    from medsiam.reports.pseudonyms import Pseudonyms as Pseudonyms
    from medsiam.reports.review_words import ReviewLine as ReviewLine
    from medsiam.reports.review_words import review_lines as review_lines
    from medsiam.reports.reviews_file import write_reviews as write_reviews
    from medsiam.reports.secondary_capture import may_show_identity as may_show_identity
    from medsiam.reports.table import flat_rows as flat_rows
    from medsiam.reports.table import safe_cell as safe_cell
    from medsiam.reports.table import write_csv as write_csv
    from medsiam.reports.thumbnail import thumbnail_png as thumbnail_png
    from medsiam.reports.training_curves import write_training_page as write_training_page

_HOMES = {
    "DicomResults": ".dicom_results",
    "FactPair": ".differences",
    "Plane": ".planes",
    "Pseudonyms": ".pseudonyms",
    "ReviewLine": ".review_words",
    "axis_of": ".planes",
    "calibration_rows": ".calibration_words",
    "calibration_sentences": ".calibration_words",
    "check_can_write_dicom": ".dicom_results",
    "comparison_document": ".document",
    "display_window": ".pictures",
    "encode_png": ".pictures",
    "fact_pairs": ".differences",
    "flat_rows": ".table",
    "main_axis": ".planes",
    "map_nifti": ".map_file",
    "may_show_identity": ".secondary_capture",
    "nameless": ".hidden_names",
    "need_pacs_extra": ".dicom_object",
    "overlay_png": ".overlay",
    "percentile_window": ".pictures",
    "plane_of": ".planes",
    "query_path": ".document",
    "read_key": ".key_file",
    "render_slice": ".pictures",
    "review_lines": ".review_words",
    "safe_cell": ".table",
    "study_name": ".hidden_names",
    "strongest_slices": ".overlay",
    "thumbnail_png": ".thumbnail",
    "write_calibration_page": ".calibration_page",
    "write_csv": ".table",
    "write_dicom_results": ".dicom_results",
    "write_json": ".document",
    "write_page": ".page",
    "write_pdf": ".pdf",
    "write_reviews": ".reviews_file",
    "write_training_page": ".training_curves",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
