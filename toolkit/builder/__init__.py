"""From a spec to an image: reuse, else pull, else build and verify; push where that is asked for.

Hides which of these is done and in which order, so that a name is never given to an image that has
not been proven: the build makes an image without a name, the verifier examines it, and only then is
it tagged. Whatever ends the work early leaves nothing behind but BuildKit's own cache.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from toolkit import __version__, image, labels, renderer, resources
from toolkit.builder import secrets, sharing
from toolkit.builder.events import Event, Listener, Said, ignore
from toolkit.builder.foundation import MakeBase, Search, find_base
from toolkit.builder.record import changed, record, titles
from toolkit.builder.sharing import registry_of
from toolkit.deps import Target, select
from toolkit.engine import Engine
from toolkit.errors import BuildError, EngineRefusedError, PushError, SpecError, ToolkitError
from toolkit.image import REPOSITORY, Base, Image, Stored
from toolkit.reference import ImageReference
from toolkit.renderer import Rendered
from toolkit.spec import ImageSpec

__all__ = [
    "BuildOptions",
    "Event",
    "Listener",
    "Plan",
    "Said",
    "build",
    "changes",
    "plan",
    "registry_of",
]

_ATTEMPTS: Final = 3
"""Builds after which an image that others remove again and again is given up."""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build, as opposed to what.

    `pull` asks the registry for the base again. `rebuild` builds although the image is there, and
    so does `no_cache`, which runs every step again. `verify` proves that the image works.
    `ca_bundle` is trusted during the build; without it, the environment may name one. `registry`,
    as `HOST/REPO`, is where an image that was built elsewhere is pulled from, and with `push` where
    one goes that was built here. `secrets` are for the steps, by id: `pip.conf`, `netrc` and `ca`
    are understood, any other is there for a template.
    """

    cache: Path
    pull: bool = False
    no_cache: bool = False
    rebuild: bool = False
    verify: bool = True
    ca_bundle: Path | None = None
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    make_base: MakeBase | None = None
    registry: str | None = None
    push: bool = False

    def __post_init__(self) -> None:
        if self.registry is not None:
            sharing.shared_name(self.registry, "name", "tag")
        elif self.push:
            raise SpecError(
                "no registry is named to which the image could be pushed",
                hint=f"name one with --registry HOST/REPO or {sharing.VARIABLE}",
            )

    @property
    def anew(self) -> bool:
        """Whether an image that exists already is no answer."""
        return self.rebuild or self.no_cache


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be built: nothing has been, but for finding the base."""

    spec: ImageSpec
    base: Base
    rendered: Rendered

    @property
    def reference(self) -> ImageReference:
        """The name that the image gets."""
        tag = image.tag_of(self.rendered.digest)
        return ImageReference(None, f"{REPOSITORY}/{self.spec.name}", tag)

    def shared(self, registry: str) -> ImageReference:
        """The name that the image has in a registry."""
        return sharing.shared_name(registry, self.spec.name, image.tag_of(self.rendered.digest))


def plan(
    spec: ImageSpec, *, engine: Engine, options: BuildOptions, listener: Listener = ignore
) -> Plan:
    """Find the base, choose what of a lock is for it, and render.

    Raises what finding a base raises, SpecError and TemplateError.
    """
    search = Search(options.pull, options.cache, options.make_base, listener)
    base = find_base(engine, spec, search)
    target = Target(base.python, base.platform, base.libc)
    spec = replace(spec, dependencies=select(spec.dependencies, target))
    return Plan(spec, base, renderer.render(spec, base, resources.templates()))


def build(
    planned: Plan,
    *,
    engine: Engine,
    environment: Mapping[str, str],
    options: BuildOptions,
    listener: Listener = ignore,
) -> Image:
    """The image of a plan: the one that is there or in the registry, or a new one, verified.

    `environment` is the caller's: what of it reaches the build is told in toolkit.builder.secrets.
    Raises BuildError (RegistryError and VerificationError among them), EngineError, ContainerError
    or SpecError.
    """
    found = None if options.anew else _reused(planned, engine, options)
    if found is not None and not options.push:
        return found
    with _alone(planned, options.cache, listener):
        if not options.anew:
            # Whoever was before us may have built it meanwhile.
            found = _reused(planned, engine, options) or _pulled(planned, engine, options, listener)
        found = found or _made(planned, engine, environment, options, listener)
        return _pushed(planned, engine, found, options, listener)


def _reused(planned: Plan, engine: Engine, options: BuildOptions) -> Image | None:
    stored = image.find(engine, planned.reference)
    if stored is None or not _is_reusable(stored, planned, options):
        return None
    _tag(engine, stored.id, planned.spec.tags)
    return _image(planned, stored, "reused")


def _pulled(
    planned: Plan, engine: Engine, options: BuildOptions, listener: Listener
) -> Image | None:
    """The image that somebody has built from the same inputs, and verified."""
    if options.registry is None:
        return None
    shared = planned.shared(options.registry)
    with sharing.pulled(engine, shared, listener) as found:
        if found is None:
            return None
        stored, name = found
        sharing.check(shared, stored, digest=planned.rendered.digest, base=planned.base)
        if not _is_reusable(stored, planned, options):
            listener(Said(f"building all the same: {shared} was not verified as is asked for"))
            return None
        _tag(engine, stored.id, (planned.reference, *planned.spec.tags))
        return replace(_image(planned, stored, "pulled"), shared=name)


def _pushed(
    planned: Plan, engine: Engine, found: Image, options: BuildOptions, listener: Listener
) -> Image:
    if not options.push or options.registry is None or found.action == "pulled":
        return found
    push = sharing.push_missing if found.action == "reused" else sharing.push
    try:
        shared = push(engine, found.id, planned.shared(options.registry), listener)
    except PushError as error:
        raise sharing.push_failure(error, found.reference, found.action) from error
    return replace(found, shared=shared)


def _made(
    planned: Plan,
    engine: Engine,
    environment: Mapping[str, str],
    options: BuildOptions,
    listener: Listener,
) -> Image:
    before = image.find(engine, planned.reference)
    sent = secrets.gathered(
        environment,
        ca_bundle=options.ca_bundle,
        netrc=planned.spec.dependencies.netrc(),
        named=options.secrets,
    )
    secrets.require(planned.spec.secrets, sent)
    attempt = 0
    while True:
        attempt += 1
        built = _build(planned, engine, sent, options, listener)
        with _removed_on_failure(engine, built):
            try:
                _prove(planned, engine, built, options, listener)
                return _image(planned, _named(planned, engine, built, options, before), "built")
            except ToolkitError:
                if attempt == _ATTEMPTS or not _is_gone(engine, built):
                    raise
        listener(Said("building once more: another build of the same has removed the image"))


def _prove(
    planned: Plan, engine: Engine, built: str, options: BuildOptions, listener: Listener
) -> None:
    _check_base(engine, built, planned.base)
    if options.verify:
        listener(Said("verifying the image in a container without network"))
        from toolkit import verifier  # a build with nothing to do starts no container

        spec = planned.spec
        verifier.verify(
            engine, built, excused=spec.excused, workdir=spec.workdir, checks=spec.checks
        )
        if spec.preload:
            verifier.verify_preload(engine, built)


def _named(
    planned: Plan, engine: Engine, built: str, options: BuildOptions, before: Stored | None
) -> Stored:
    """The image under its name: what was built, or what another user has named meanwhile.

    Users have locks of their own. Whoever was first stays, so that no id that was given out is
    that of an image which is gone; what is left without a name is removed.
    """
    reference = planned.reference
    rival = image.find(engine, reference)
    fresh = rival is not None and (before is None or rival.id != before.id)
    if rival is not None and fresh and _is_reusable(rival, planned, options):
        _tag(engine, rival.id, planned.spec.tags)
    else:
        _tag(engine, built, (reference, *planned.spec.tags))
    found = image.find(engine, reference)
    if found is None:
        raise BuildError(
            f"the image {reference} vanished as soon as it was built",
            hint="build it again, when nothing removes images meanwhile",
        )
    others = {each.id for each in (before, rival) if each is not None} | {built}
    for each in others - {found.id}:
        _remove_if_unnamed(engine, each)
    return found


def _is_gone(engine: Engine, image_id: str) -> bool:
    try:
        return image.find(engine, image_id) is None
    except ToolkitError:
        return False  # the engine is, and that has been said


@contextmanager
def _alone(planned: Plan, cache: Path, listener: Listener) -> Iterator[None]:
    """One build of the same name at a time, among the processes of this user."""
    path = cache / "locks" / planned.spec.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w")
    except OSError:
        yield  # without a cache everybody builds alone, and BuildKit shares what it can
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            listener(Said(f"waiting for another build of {REPOSITORY}/{planned.spec.name}"))
            fcntl.flock(file, fcntl.LOCK_EX)  # held until the file is closed, also by a kill
        yield


def changes(engine: Engine, planned: Plan) -> tuple[str, ...]:
    """Why the plan's image is not the newest one of its name: one line a part that differs."""
    if image.find(engine, planned.reference) is not None:
        return ()
    newest = image.newest(engine, planned.spec.name)
    if newest is None:
        return (f"no image named {REPOSITORY}/{planned.spec.name} has been built here before",)
    return changed(newest.inputs, planned.rendered.inputs)


def _is_reusable(stored: Stored, planned: Plan, options: BuildOptions) -> bool:
    """Whether the image of that name is what the plan would build, proven as far as is asked."""
    if stored.labels.get(labels.DIGEST) != planned.rendered.digest:
        return False
    if not options.verify:
        return True
    proven = stored.labels.get(labels.UNVERIFIED) != "1"
    return proven and stored.excused <= frozenset(planned.spec.excused)


def _build(
    planned: Plan,
    engine: Engine,
    sent: Mapping[str, bytes],
    options: BuildOptions,
    listener: Listener,
) -> str:
    from toolkit.builder import diagnosis
    from toolkit.engine import buildkit

    request = buildkit.BuildRequest(
        context=planned.rendered.context(),
        platform=planned.spec.platform,
        labels=_labels(planned, options),
        target="image",
        no_cache=options.no_cache,
        # Whoever pulls it may have an engine that cannot read zstd.
        compression="gzip" if options.push else "zstd",
    )
    listener(Said(f"building {planned.reference}"))
    try:
        return buildkit.build(engine, request, secrets=sent, on_event=listener)
    except BuildError as error:
        base = planned.base
        attempt = diagnosis.Attempt(
            planned.spec.dependencies, base.python, planned.rendered.dockerfile, base.manager
        )
        raise diagnosis.explained(error, attempt) from error


def _labels(planned: Plan, options: BuildOptions) -> Mapping[str, str]:
    """Every label is set on every image: one that is left out would be inherited from the base."""
    spec, base = planned.spec, planned.base
    return titles(spec, REPOSITORY) | {
        labels.DIGEST: planned.rendered.digest,
        labels.INPUTS: json.dumps(planned.rendered.inputs, sort_keys=True, separators=(",", ":")),
        labels.NAME: spec.name,
        labels.VERSION: __version__,
        labels.EXCUSED: ",".join(spec.excused) if options.verify else "",
        labels.PRELOAD: ",".join(spec.preload),
        labels.UNVERIFIED: "" if options.verify else "1",
        labels.BASE_NAME: str(base.name),
        labels.BASE_DIGEST: base.digest,
        **record(spec.dependencies, planned.rendered),
    }


def _check_base(engine: Engine, built: str, base: Base) -> None:
    """The engine resolved the base by itself; layers tell whether it was the one that we found.

    With the containerd image store it asks the registry first, even for a base made locally.
    """
    stored = image.find(engine, built)
    if stored is None or stored.layers[: len(base.layers)] != base.layers:
        raise BuildError(
            f"the engine built on another image than the base {base.reference} that was found",
            hint="try again; somebody may have moved the base's tag meanwhile",
        )


@contextmanager
def _removed_on_failure(engine: Engine, built: str) -> Iterator[None]:
    try:
        yield
    # BaseException: Ctrl-C during the verification must not leave an image without a name.
    except BaseException as error:
        try:
            _remove_if_unnamed(engine, built)
        except ToolkitError as second:
            error.add_note(f"the image {built} could not be removed: {second}")
        raise


def _remove_if_unnamed(engine: Engine, image_id: str) -> None:
    """Remove an image that no tag names; the same steps may have given one that is in use."""
    stored = image.find(engine, image_id)
    if stored is not None and not stored.tags:
        with suppress(EngineRefusedError):  # a container runs from it, or an image is built on it
            engine.remove_image(image_id)


def _tag(engine: Engine, image_id: str, references: tuple[ImageReference, ...]) -> None:
    for reference in references:
        engine.tag_image(image_id, reference)


def _image(planned: Plan, stored: Stored, action: image.Action) -> Image:
    return Image(
        reference=planned.reference,
        id=stored.id,
        digest=planned.rendered.digest,
        action=action,
        base=planned.base.name,
        size=stored.size,
        tags=planned.spec.tags,
    )
