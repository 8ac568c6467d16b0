"""Errors that are meant for a person: what is wrong and what to do, in Vietnamese and English."""


class Refused(ValueError):
    """The command, a configuration or an input is wrong; the message says the remedy. Exit code 2."""

    def __init__(self, en: str, vi: str) -> None:
        super().__init__(en)
        self.en = en
        self.vi = vi

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.en, self.vi)

    def say(self, language: str) -> str:
        """The message in `language` ("vi" or "en")."""
        return self.vi if language == "vi" else self.en


class Unreadable(Refused):
    """Footage that cannot be read, or only in part.

    A job over many files keeps it as a reason and goes on: exit code 3. Where a command is about this one file alone and it is
    raised to the end, nothing could be done: exit code 2, as any `Refused`.
    """
