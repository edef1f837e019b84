import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.paths import TemplateError, parse


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("/v1/teams", "/v1/teams", {}),
        ("/v1/teams", "/v1/teams/", None),
        ("/v1/teams/{team_id}", "/v1/teams/a-1", {"team_id": "a-1"}),
        ("/v1/teams/{team_id}", "/v1/teams/", None),
        ("/v1/teams/{team_id}", "/v1/teams/a/b", None),
        ("/v1/teams/{team_id}", "/v1/teams/a:move", None),
        ("/v1/teams/{team_id}", "/v1/teams/a%3Amove", {"team_id": "a:move"}),
        ("/v1/teams/{team_id}", "/v1/teams/a%2Fb", {"team_id": "a/b"}),
        ("/v1/teams/{team_id}:move", "/v1/teams/a:move", {"team_id": "a"}),
        ("/v1/teams/{team_id}:move", "/v1/teams/a", None),
        ("/v1/teams:import", "/v1/teams:import", {}),
        ("/v1/{name=shelves/*}", "/v1/shelves/7", {"name": "shelves/7"}),
        ("/v1/{name=shelves/*}", "/v1/books/7", None),
        ("/v1/{name=shelves/*/books/*}:read", "/v1/shelves/7/books/8:read", {"name": "shelves/7/books/8"}),
        ("/v1/{path=**}", "/v1/a/b/c", {"path": "a/b/c"}),
        ("/v1/{a.b}/c/{d}", "/v1/x/c/y", {"a.b": "x", "d": "y"}),
        ("/v1/*/things", "/v1/any/things", {}),
        ("/v1/名/{x}", None, None),
    ],
)
def test_templates_match_what_they_say(template: str, path: str | None, values: dict[str, str] | None) -> None:
    if path is None:
        with pytest.raises(TemplateError):
            parse(template)
    else:
        assert parse(template).match(path) == values


@pytest.mark.parametrize(
    "template", ["v1/x", "/v1/{", "/v1/{a}{", "/v1/{a}/{a}", "/v1/{a=}", "/v1/x y", "/v1/{1a}", "/v1/x:"]
)
def test_a_malformed_template_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template)


segments = st.text(min_size=1, max_size=20).filter(lambda text: text.strip())


@given(segments, segments)
def test_what_is_expanded_matches_again(first: str, second: str) -> None:
    template = parse("/v1/{first}/between/{second.part}:verb")
    values = {"first": first, "second.part": second}
    assert template.match(template.expand(values)) == values


def test_openapi_writes_the_path_without_patterns() -> None:
    assert parse("/v1/{name=shelves/*}:read").openapi() == "/v1/{name}:read"
