"""Conditions and lists of keys that are wider than a terminal."""

from orchwipy_runtime import MicroFunctions, ReturnUpdates

survey = MicroFunctions(beginner="open_the_questionnaire_for_everybody_who_was_invited")


@survey.fn()
def open_the_questionnaire_for_everybody_who_was_invited(
    *, invited: list[str], language: str, sender: str, subject: str, deadline: str, reward: int, county: str,
    reminder: bool, attempts: int, template: dict[str, str], **kwargs
):
    if len(invited) > 100 and language in ("en", "nl", "de", "fr") and reward > 10 and not reminder and county != "none":
        return ReturnUpdates("collect", "invited", "language", "sender", "subject", answers=[], opened=True, waves=3)
    return {**kwargs, "$next": "collect", "answers": [], "opened": False, "waves": 1, "first_wave": True, "late": 0}


@survey.fn(terminates=True)
def collect(*, answers: list[str], **kwargs):
    return {"answers": answers}
