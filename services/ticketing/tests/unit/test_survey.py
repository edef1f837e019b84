from uuid import UUID

import pytest

from kernel.errors import InvalidArgument
from ticketing.domain.survey import AnsweredAlready, SurveySent, evolve
from ticketing.domain.vocabulary import SurveySubject

ID, TICKET, CUSTOMER, CONTACT, ANNA, CHIEF, FOLLOW_UP = (UUID(int=n) for n in range(1, 8))
sent = SurveySent(
    ID, SurveySubject.TICKET, TICKET, None, CUSTOMER, CONTACT, CONTACT, ANNA, CHIEF, "support", "token", 2
)


@pytest.mark.feature("TIC-22")
@pytest.mark.parametrize(("score", "low"), [(1, True), (2, True), (3, False), (5, False)])
def test_a_low_score_calls_for_a_follow_up(score, low):
    (answered,) = evolve(None, sent).answer(score, "", FOLLOW_UP)
    assert (answered.low, answered.follow_up_ticket_id) == (low, FOLLOW_UP if low else None)


def test_a_survey_takes_one_answer_from_one_to_five():
    survey = evolve(None, sent)
    for score in (0, 6):
        with pytest.raises(InvalidArgument):
            survey.answer(score, "", FOLLOW_UP)
    answered = evolve(survey, survey.answer(4, "", FOLLOW_UP)[0])
    with pytest.raises(AnsweredAlready):
        answered.answer(4, "", FOLLOW_UP)
