"""What can go wrong, as a person would say it.

    AnomalyLstmError            exit 1   one clear message, no traceback
    ├── DataError                        the data cannot be used as they are
    ├── ModelError                       a model folder is missing, damaged or too new
    ├── MissingExtraError                an optional part is not installed
    ├── DeliveryError                    a channel or sink did not take what was sent
    ├── UsageError              exit 2   an option is wrong
    │   └── ConfigError                  … or several entries of a pipeline file are
    ├── SomeAssetsFailed        exit 4   the others are done
    └── LockedError             exit 75  another run holds the folder

Everything else that escapes is a defect of ours and leaves with exit 3 and its traceback.
A message names the thing, the need, what came, and the next step.
"""

UNEXPECTED = 3
"""The exit code of a defect."""


class AnomalyLstmError(Exception):
    """Any error a user can mend; its text is complete as it stands."""

    exit_code = 1


class DataError(AnomalyLstmError):
    """The data cannot be used as they are."""


class ModelError(AnomalyLstmError):
    """A model folder is missing, damaged, or of a newer version."""


class MissingExtraError(AnomalyLstmError):
    """An optional part of the installation is needed and absent."""


class DeliveryError(AnomalyLstmError):
    """A channel or sink did not take what was sent; the next run tries again."""


class UsageError(AnomalyLstmError):
    """An option or argument is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """A pipeline file has mistakes; the text lists all of them."""


class SomeAssetsFailed(AnomalyLstmError):
    """Some assets failed and are named; the results of the others are written."""

    exit_code = 4


class LockedError(AnomalyLstmError):
    """Another run holds the lock of a run folder."""

    exit_code = 75
