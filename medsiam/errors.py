"""Every error medsiam raises on purpose.

    MedsiamError
    |-- UsageError               a wrong argument or option
    |-- ConfigError              a configuration file with faults (all of them listed)
    |-- CaseTableError           a case table that cannot be used as it is
    |-- SplitError               patients (or groups) shared between parts that must be disjoint
    |-- ScanError                a scan that cannot be read or prepared; carries a stable `code`
    |-- EncoderError             a folder that is no encoder, or a damaged one
    |   `-- EncoderMismatchError     an encoder and a bank (or a scan) that do not belong together
    |-- BankError                a folder that is no bank, a damaged one, or a refused change
    |-- NothingToDoError         nothing in the input that this command could work on
    |-- OutputError              results that cannot be written
    |-- LockedError              an output folder that another run writes to
    |-- StoppedError             a run that was asked to stop, and that can be resumed
    `-- MissingExtraError        an optional dependency that is not installed

A message says what happened, to which file or case, and what to do about it. It never holds a
patient's name or identifier. `exit_code` is the command line's answer to the error.
"""

from __future__ import annotations

from typing import ClassVar


class MedsiamError(Exception):
    """Base of all errors raised on purpose."""

    exit_code: ClassVar[int] = 5


class UsageError(MedsiamError):
    """A wrong argument or option."""

    exit_code = 2


class ConfigError(MedsiamError):
    """A configuration with faults; the message lists every one of them."""

    exit_code = 2


class CaseTableError(MedsiamError):
    """A case table that lacks a column, a value or a file."""

    exit_code = 2


class SplitError(MedsiamError):
    """A split whose parts share a patient or a group, or that leaves a part empty."""

    exit_code = 2


class ScanError(MedsiamError):
    """A scan that cannot be read or prepared.

    Attributes:
        code: stable machine-readable word for the kind of fault, such as `truncated_pixels`.
    """

    exit_code = 5

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class EncoderError(MedsiamError):
    """A folder that holds no encoder, or a damaged one."""

    exit_code = 6


class EncoderMismatchError(EncoderError):
    """An encoder used with a bank or a scan it was not made for."""


class BankError(MedsiamError):
    """A folder that holds no bank, a damaged one, or a change the bank refuses."""

    exit_code = 6


class NothingToDoError(MedsiamError):
    """No input that the command could work on."""

    exit_code = 3


class OutputError(MedsiamError):
    """Results that cannot be written where they were asked for."""

    exit_code = 7


class LockedError(MedsiamError):
    """Results that another run is writing to the same place."""

    exit_code = 8


class StoppedError(MedsiamError):
    """A run that was asked to stop; the message says how to go on with it."""

    exit_code = 130


class MissingExtraError(MedsiamError):
    """An optional dependency that is not installed; the message holds the install command."""

    exit_code = 2
