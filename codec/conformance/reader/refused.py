"""Why a record is refused."""


class Refused(Exception):
    """A record that no encoder writes. `code` is the stable name of the refusal, `why` says it to a person."""

    def __init__(self, code, why):
        super().__init__(f"{code}: {why}")
        self.code = code
