"""Why a pull or a push failed, told from the engine's and the registry's words."""

from __future__ import annotations

import pytest

from toolkit.engine import pushing
from toolkit.engine.pulling import PullEvent, PushEvent, digest, event, failure, silent
from toolkit.errors import Trouble
from toolkit.reference import ImageReference

_HEAD = 'Head "https://r.example/v2/x/manifests/1": '
_WAIT = "try again later, or look into the registry's log"
_NETWORK = "check the engine's network, proxy and certificates"

IMAGE = ImageReference.parse("r.example:5000/team/x:1")

# Words as engines 20.10 to 28 and registries have said them.
WORDS: list[tuple[Trouble, str]] = [
    ("unreachable", 'Get "https://r/v2/": dial tcp: lookup r on 10.0.0.53:53: no such host'),
    ("unreachable", 'Get "https://r/v2/": dial tcp 127.0.0.1:5000: connect: connection refused'),
    ("unreachable", f"{_HEAD}dial tcp 10.1.1.1:443: i/o timeout"),
    ("unreachable", f"{_HEAD}x509: certificate is valid for a.example, not r.example"),
    ("unreachable", f"{_HEAD}net/http: TLS handshake timeout"),
    ("unreachable", f"{_HEAD}proxyconnect tcp: dial tcp: lookup proxy: no such host"),
    ("unreachable", "net/http: request canceled (Client.Timeout exceeded while awaiting headers)"),
    ("unreachable", f"{_HEAD}http: server gave HTTP response to HTTPS client"),
    ("untrusted", f"{_HEAD}x509: certificate signed by unknown authority"),
    (
        "untrusted",
        f"{_HEAD}tls: failed to verify certificate: x509: certificate signed by unknown authority",
    ),
    ("broken", f"{_HEAD}EOF"),
    ("broken", "unexpected EOF"),
    ("broken", "read tcp 10.0.0.1:5->10.0.0.2:443: read: connection reset by peer"),
    ("broken", "received unexpected HTTP status: 503 Service Unavailable"),
    ("broken", "received unexpected HTTP status: 500 Internal Server Error"),
    ("broken", f"unexpected status from HEAD request to {_HEAD}502 Bad Gateway"),
    ("limited", "toomanyrequests: You have reached your pull rate limit."),
    ("limited", 'error parsing HTTP 429 response body: unexpected end of JSON input: ""'),
    ("corrupt", "filesystem layer verification failed for digest sha256:1ed6"),
    ("corrupt", "manifest verification failed for digest sha256:1ed6"),
    ("denied", "pull access denied for x, repository does not exist or may require 'docker login'"),
    ("denied", "unauthorized: authentication required"),
    ("denied", f"{_HEAD}no basic auth credentials"),
    ("denied", f"{_HEAD}unauthorized: incorrect username or password"),
    ("denied", 'error parsing HTTP 403 response body: unexpected end of JSON input: ""'),
    ("absent", "manifest for alpine:nope not found: manifest unknown: manifest unknown"),
    ("absent", "no matching manifest for linux/riscv64 in the manifest list entries"),
    ("absent", 'error parsing HTTP 404 response body: unexpected end of JSON input: ""'),
    # The containerd image store, and Podman.
    (
        "absent",
        'failed to resolve reference "127.0.0.1:5790/x/t:2": 127.0.0.1:5790/x/t:2: not found',
    ),
    (
        "denied",
        (
            "pull access denied, repository does not exist or may require authorization:"
            " authorization failed: no basic auth credentials"
        ),
    ),
    ("unreachable", "http: server gave HTTP response to HTTPS client"),
    ("unreachable", "lookup registry.invalid on 10.0.0.53:53: no such host"),
    ("absent", "manifest unknown: manifest unknown"),
    ("full", "write /var/lib/docker/tmp/GetImageBlob1: no space left on device"),
    ("other", "something new"),
]


@pytest.mark.parametrize(("trouble", "words"), WORDS)
def test_the_words_tell_what_the_trouble_is(trouble: Trouble, words: str) -> None:
    """Of a pull and of a push; both keep the words, unless they say nothing to the user."""
    for error in (failure(IMAGE, words), pushing.failure(IMAGE, words)):
        assert error.trouble == trouble
        assert error.reference == "r.example:5000/team/x:1"
        assert (words in str(error)) is (trouble != "full")


def test_which_troubles_are_silence_and_which_may_pass() -> None:
    """A base that cannot be had is replaced after the first; after the second it is asked again."""
    errors = [failure(IMAGE, words) for _, words in WORDS]
    assert {error.trouble for error in errors if error.unreachable} == {
        "broken",
        "unreachable",
        "untrusted",
    }
    assert {error.trouble for error in errors if error.transient} == {"broken", "limited"}


WHAT = "the image r.example:5000/team/x:1"
SENTENCES = {
    "full": ("could not be pulled: the engine's disk is full", "free disk space where the engine"),
    "limited": (
        "could not be pulled: its registry limits the number of requests (429): ",
        "run `docker login r.example:5000`, or wait and try again",
    ),
    "broken": ("could not be pulled: its registry is in trouble: ", _WAIT),
    "unreachable": (
        "could not be pulled: its registry cannot be reached: ",
        f"{_NETWORK}, or use an image that is there already",
    ),
    "untrusted": (
        "could not be pulled: its registry shows a certificate that the engine does not trust: ",
        (
            "put the registry's CA certificate on the engine's machine, as"
            " /etc/docker/certs.d/r.example:5000/ca.crt"
        ),
    ),
    "corrupt": (
        "could not be pulled: its registry sent something else than it said: ",
        "let the registry's owner look into it, and do not use it until then",
    ),
    "denied": (
        "does not exist or may not be pulled: ",
        "correct the name, or run `docker login r.example:5000`",
    ),
    "absent": ("does not exist: ", "correct the name, the tag or the platform"),
}


@pytest.mark.parametrize("trouble", SENTENCES)
def test_each_trouble_of_a_pull_has_its_sentence_and_hint(trouble: str) -> None:
    error = failure(IMAGE, next(words for kind, words in WORDS if kind == trouble))
    sentence, hint = SENTENCES[trouble]
    assert str(error).startswith(f"{WHAT} {sentence}")
    assert error.hint.startswith(hint)


def test_a_registry_without_tls_is_told_apart() -> None:
    error = failure(IMAGE, f"{_HEAD}http: server gave HTTP response to HTTPS client")
    assert error.hint == (
        "let the registry speak TLS, or name r.example:5000 in the engine's configuration as"
        ' insecure (Docker: "insecure-registries" in daemon.json), or use an image that is there'
        " already"
    )


def test_a_trouble_that_is_none_of_these_has_a_hint_all_the_same() -> None:
    error = failure(IMAGE, "something  new\n")
    assert str(error) == f"{WHAT} could not be pulled: something new"
    assert error.hint == "look into the logs of the engine and of the registry"


def test_a_registrys_trouble_names_the_check_that_asks_it() -> None:
    """Of this image: doctor by itself would ask the default base's registry."""
    error = failure(IMAGE, f"{_HEAD}http: server gave HTTP response to HTTPS client")
    assert error.hint.command == f"toolkit doctor --check net.registry --image {IMAGE}"
    assert failure(IMAGE, "no space left on device").hint.check == "engine.disk"
    assert failure(IMAGE, "manifest unknown").hint.check is None


def test_docker_hub_has_no_host_to_log_in_to() -> None:
    error = failure(ImageReference.parse("x:1"), "unauthorized: authentication required")
    assert error.hint == "correct the name, or run `docker login`"


def test_each_trouble_of_a_push_is_told_as_one() -> None:
    denied = pushing.failure(IMAGE, "denied: requested access to the resource is denied")
    assert (str(denied), denied.hint) == (
        f"{WHAT} may not be pushed: denied: requested access to the resource is denied",
        "run `docker login r.example:5000` with an account that may push there",
    )
    down = pushing.failure(IMAGE, "dial tcp 127.0.0.1:5000: connect: connection refused")
    assert str(down).startswith(f"{WHAT} could not be pushed: its registry cannot be reached: ")
    assert down.hint == _NETWORK
    words = "An image does not exist locally with the tag: r.example:5000/team/x"
    podman = "failed to find image r.example:5000/team/x:1: x:1: image not known"
    for said in (words, "tag does not exist: r.example:5000/team/x:1", podman):
        none = pushing.failure(IMAGE, said)
        assert (str(none), none.hint) == (
            f"{WHAT} is not on the engine",
            "build it under that name (`toolkit build-image --tag`), or correct the name",
        )
        assert none.trouble == "absent"


def test_a_registry_that_says_nothing_has_a_sentence_too() -> None:
    """The engine waits for ever, and says nothing either."""
    for error, verb in ((silent(IMAGE, 60), "pulled"), (pushing.silent(IMAGE, 60), "pushed")):
        said = f"{WHAT} could not be {verb}: its registry has said nothing for 60 s"
        assert (str(error), error.hint, error.trouble) == (said, _WAIT, "unreachable")


def test_events_carry_layer_and_bytes() -> None:
    item = {
        "status": "Downloading",
        "id": "a1",
        "progressDetail": {"current": 5, "total": 10},
        "progress": "[==>]",
    }
    assert event(item) == PullEvent("a1", "Downloading", 5, 10)
    assert event({"status": "Pulling from x", "progressDetail": {}}) == PullEvent(
        "", "Pulling from x"
    )
    assert event({"aux": {}}) is None
    assert event({"status": "Pushing", "id": "a1"}, PushEvent) == PushEvent("a1", "Pushing")


def test_both_tell_the_digest_in_their_own_place() -> None:
    name = f"sha256:{'a' * 64}"
    assert digest({"status": f"Digest: {name}"}) == name
    assert digest({"status": "Pulling from x"}) is None
    assert pushing.digest({"aux": {"Tag": "1", "Digest": name, "Size": 5}}) == name
    assert pushing.digest({"status": f"1: digest: {name} size: 5"}) == name
    assert pushing.digest({"status": "Pushed", "id": "a1"}) is None
