"""What waits is said in words, with what to do; nothing is said of what does not wait."""

from headwater.backlog import LATE_AFTER_S, Waiting


def test_where_nothing_waits_there_is_nothing_to_do() -> None:
    found = Waiting("customer")
    assert (found.words(), found.is_late, found.advice()) == ("nothing waits", False, [])


def test_what_is_on_its_way_is_told_but_asks_for_nobody() -> None:
    found = Waiting("customer", to_publish=1200, to_publish_seconds=0.4, behind={("views", "pipeline"): 2.0})
    assert found.words() == "1,200 events not published, the oldest 0 s old; views 2 s behind pipeline"
    assert not found.is_late
    assert found.advice() == []


def test_each_thing_that_is_late_or_set_aside_says_what_to_do() -> None:
    late = LATE_AFTER_S + 1
    found = Waiting("ticketing", 9, late, {("views", "customer"): late}, 2, 1, late)
    assert found.is_late
    assert "2 streams parked; 1 timers failed; timers 61 s overdue" in found.words()
    told = "\n".join(found.advice())
    for words in ("publishes late", "is behind", "headwater parked retry ticketing", "timers of ticketing are overdue"):
        assert words in told
    assert Waiting("ticketing", parked_streams=1).is_late
    assert Waiting("ticketing", failed_timers=1).is_late
    lacking = Waiting("analytics", views_lack=3)
    assert lacking.is_late
    assert lacking.words() == "views lack 3 events"
    assert "headwater rebuild analytics" in lacking.advice()[0]
    assert found.as_dict()["behind"] == [{"consumer": "views", "of": "customer", "oldest_s": late}]
