"""DICOM files -> `Scan`: headers, series, geometry, pixels."""
