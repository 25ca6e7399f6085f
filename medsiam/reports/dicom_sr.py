"""A comparison as a DICOM Structured Report: TID 1500 Measurement Report, in the query's study.

PS3.16 TID 1500. One measurement group holds the verdict, one each ranked condition, one each match;
every group names the algorithm (TID 4019). Conditions are texts, because a bank's labels are; what
no dictionary has a code for is coded in the private scheme 99MEDSIAM (docs/pacs.md lists it).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from medsiam.comparison.result import Comparison
from medsiam.reports.answer_words import KINDS, all_notes
from medsiam.reports.dicom_object import (
    MANUFACTURER,
    device_uid,
    file_bytes,
    need_pacs_extra,
    new_object,
    object_uid,
)
from medsiam.reports.hidden_names import nameless
from medsiam.scans.dicom.study import StudyFacts

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SCHEME = "99MEDSIAM"
CODES = {
    "rank": ("rank", "Rank"),
    "distance": ("distance", "Distance (lower is closer)"),
    "combined": ("combined", "Combined distance"),
    "judged": ("judged", "Distance held against the limit"),
    "limit": ("limit", "Limit beyond which the answer is none of these"),
    "probability": ("probability", "Probability of the same condition"),
    "patients": ("patients", "Patients of the bank with this condition"),
    "case": ("case", "Case of the bank"),
    "bank": ("bank", "Bank"),
    "outcome": ("outcome", "Outcome of the comparison"),
    "no probability": ("noprobability", "Why there is no probability"),
}
_OUTCOMES = {
    "nearest": "nearest",
    "none of these": "none",
    "out of scope": "scope",
    "undecided": "undecided",
}
_LONGEST_MEANING = 64  # VR LO
_TITLE = "medsiam comparison, RESEARCH USE ONLY"


def structured_report(comparison: Comparison, facts: StudyFacts) -> bytes:
    """Return the report as a DICOM file (Comprehensive 3D SR Storage).

    Args:
        comparison: the answer; names of its files are left out of every sentence.
        facts: of the query's files, which the report refers to and under whose study it is filed.

    Raises:
        MissingExtraError: without the extra `pacs`.
    """
    try:
        from highdicom.sr.utils import collect_evidence
    except ImportError as error:
        raise need_pacs_extra(error) from error
    from pydicom.uid import Comprehensive3DSRStorage

    comparison = nameless(comparison)
    content = _content(comparison, facts)
    ds = new_object(
        comparison,
        facts,
        class_uid=Comprehensive3DSRStorage,
        modality="SR",
        description=_TITLE,
    )
    for element in content:
        ds[element.tag] = element
    same, other = collect_evidence(_references(facts), content, facts.study_uid)
    ds.CurrentRequestedProcedureEvidenceSequence = same
    if other:
        ds.PertinentOtherEvidenceSequence = other
    ds.PerformedProcedureCodeSequence = []
    ds.ReferencedPerformedProcedureStepSequence = []
    ds.CompletionFlag = "COMPLETE"
    ds.VerificationFlag = "UNVERIFIED"
    ds.PreliminaryFlag = "PRELIMINARY"  # nobody has read it
    scheme = type(ds)()
    scheme.CodingSchemeDesignator = SCHEME
    scheme.CodingSchemeName = "medsiam: few-shot comparison with a reference bank"
    scheme.CodingSchemeResponsibleOrganization = "medsiam"
    ds.CodingSchemeIdentificationSequence = [scheme]
    return file_bytes(ds)


def _content(comparison: Comparison, facts: StudyFacts) -> Dataset:
    """The content tree: its root container."""
    from highdicom.sr import (
        DeviceObserverIdentifyingAttributes,
        MeasurementReport,
        ObservationContext,
        ObserverContext,
    )
    from pydicom.sr.codedict import codes

    observer = ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
            uid=device_uid(comparison),
            name="medsiam",
            manufacturer_name=MANUFACTURER,
            model_name=f"medsiam {comparison.medsiam_version}".strip(),
        ),
    )
    report = MeasurementReport(
        observation_context=ObservationContext(observer_device_context=observer),
        procedure_reported=codes.SCT.ImagingProcedure,
        imaging_measurements=list(_groups(comparison, facts)),
    )
    root: Dataset = report[0]
    # After the context and before the measurements, as TID 1500 orders them.
    root.ContentSequence.insert(len(root.ContentSequence) - 1, _library(facts))
    return root


def _groups(comparison: Comparison, facts: StudyFacts) -> Iterator[Any]:
    """Measurement groups (TID 1501): the verdict, the conditions, the matches."""
    yield _verdict(comparison, facts)
    for entry in comparison.conditions:
        measured = [
            _number("rank", entry.rank),
            _number("distance", entry.distance, comparison),
            _number("patients", entry.n_patients),
        ]
        if entry.combined_distance is not None:
            measured.append(_number("combined", entry.combined_distance, comparison))
        if entry.probability is not None:
            measured.append(_number("probability", entry.probability))
        said = [_finding(entry.condition), _text(_code("case"), entry.nearest_case_id)]
        yield _group(comparison, facts, f"condition {entry.rank}", measured, said)
    for match in comparison.matches:
        measured = [
            _number("rank", match.rank),
            _number("distance", match.distance, comparison),
        ]
        if match.probability is not None:
            measured.append(_number("probability", match.probability))
        said = [_finding(match.condition), _text(_code("case"), match.case_id)]
        yield _group(comparison, facts, f"match {match.rank}", measured, said)


def _verdict(comparison: Comparison, facts: StudyFacts) -> Any:
    from pydicom.sr.codedict import codes

    verdict = comparison.verdict
    measured = []
    if verdict.value is not None:
        measured.append(_number("judged", verdict.value, comparison, facts))
    if verdict.threshold is not None:
        measured.append(_number("limit", verdict.threshold, comparison))
    said = [
        _text(codes.DCM.Conclusion, verdict.text),
        _text(codes.DCM.Comment, comparison.research_use),
        _text(
            _code("bank"),
            f"{comparison.bank_name}, version {comparison.bank_version}, "
            f"{comparison.n_cases} cases",
        ),
        *(_text(codes.DCM.Comment, note) for note in all_notes(comparison)),
    ]
    if comparison.probability_reason:
        said.append(_text(_code("no probability"), comparison.probability_reason))
    outcome = (_OUTCOMES[verdict.outcome], KINDS[verdict.outcome])
    return _group(comparison, facts, "verdict", measured, said, outcome)


def _group(
    comparison: Comparison,
    facts: StudyFacts,
    name: str,
    measured: list[Any],
    said: list[Any],
    outcome: tuple[str, str] | None = None,
) -> Any:
    from highdicom.sr import (
        CodedConcept,
        MeasurementsAndQualitativeEvaluations,
        QualitativeEvaluation,
        TrackingIdentifier,
    )

    evaluations = []
    if outcome is not None:
        value = CodedConcept(outcome[0], SCHEME, outcome[1])
        evaluations.append(QualitativeEvaluation(_code("outcome"), value))
    group = MeasurementsAndQualitativeEvaluations(
        TrackingIdentifier(
            uid=object_uid(comparison, facts, "tracking", name), identifier=f"medsiam {name}"
        ),
        algorithm_id=_algorithm(comparison),
        measurements=measured,
        qualitative_evaluations=evaluations,
    )
    group[0].ContentSequence.extend(said)
    return group


def _algorithm(comparison: Comparison) -> Any:
    """TID 4019: which program, with which encoder, asked which bank and how."""
    from highdicom.sr import AlgorithmIdentification

    used = comparison.calibration
    return AlgorithmIdentification(
        name="medsiam",
        version=comparison.medsiam_version or "unknown",
        parameters=[
            f"encoder: {comparison.encoder_name}",
            f"encoder fingerprint: {comparison.encoder_fingerprint}",
            f"bank: {comparison.bank_name}, version {comparison.bank_version}",
            f"metric: {comparison.metric}; rule: {comparison.rule}; k: {comparison.k}",
            f"calibration: {'none' if used is None else used.number}",
        ],
    )


def _number(
    name: str, value: float, comparison: Comparison | None = None, facts: StudyFacts | None = None
) -> Any:
    """TID 300: a number without unit; `comparison` names its metric, `facts` what it is of."""
    from highdicom.sr import CodedConcept, Measurement, SourceImageForMeasurement
    from pydicom.sr.codedict import codes

    method = None
    if comparison is not None:
        metric = comparison.metric
        method = CodedConcept(metric[:16], SCHEME, f"{metric} distance"[:_LONGEST_MEANING])
    images = None
    if facts is not None:
        images = [SourceImageForMeasurement(one.class_uid, one.uid) for one in facts.instances]
    return Measurement(
        name=_code(name),
        value=value,
        unit=codes.UCUM.NoUnits,
        method=method,
        referenced_images=images,
    )


def _finding(condition: str) -> Any:
    from pydicom.sr.codedict import codes

    return _text(codes.DCM.Finding, condition)


def _text(name: Any, value: str) -> Any:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(name, value, relationship_type=RelationshipTypeValues.CONTAINS)


def _code(name: str) -> Any:
    from highdicom.sr import CodedConcept

    value, meaning = CODES[name]
    return CodedConcept(value, SCHEME, meaning)


def _library(facts: StudyFacts) -> Any:
    """TID 1600 Image Library: every file of the query."""
    from highdicom.sr import (
        ContainerContentItem,
        ContentSequence,
        ImageContentItem,
        RelationshipTypeValues,
    )
    from pydicom.sr.codedict import codes

    contains = RelationshipTypeValues.CONTAINS
    library = ContainerContentItem(codes.DCM.ImageLibrary, relationship_type=contains)
    group = ContainerContentItem(codes.DCM.ImageLibraryGroup, relationship_type=contains)
    images = [
        ImageContentItem(codes.SCT.Source, one.class_uid, one.uid, relationship_type=contains)
        for one in facts.instances
    ]
    group.ContentSequence = ContentSequence(images)
    library.ContentSequence = ContentSequence([group])
    return library


def _references(facts: StudyFacts) -> list[Dataset]:
    """The query's files in the form that highdicom takes evidence in."""
    from pydicom.dataset import Dataset

    found = []
    for one in facts.instances:
        ds = Dataset()
        ds.StudyInstanceUID, ds.SeriesInstanceUID = one.study_uid, one.series_uid
        ds.SOPClassUID, ds.SOPInstanceUID = one.class_uid, one.uid
        found.append(ds)
    return found
