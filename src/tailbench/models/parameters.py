"""The parameters of a model as scikit-learn has them: signature, values, copies. No torch here.

scikit-learn is not imported but by what only scikit-learn calls.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from tailbench.exceptions import InputError
from tailbench.registry import nearest
from tailbench.settings import Settings

__all__ = ["Parameters"]

Kind = inspect.Parameter
LIVE = ("device", "verbose", "random_state", "warm_start")
"""Arguments that count from the next call on, also of a fitted model."""


class _Signature:
    """The signature of a class, computed when it is asked for."""

    def __get__(self, instance: object, owner: type[Parameters]) -> inspect.Signature:
        if instance is not None:
            raise AttributeError("__signature__")
        return _signature(owner)


class Parameters:
    """What a model was built with: the arguments of its constructor and its settings.

    The constructor of a subclass names its own arguments and takes the settings of ``options`` by
    keyword. All of them are in the signature of the class, in its docstring, and in
    ``get_params``.
    """

    __signature__: ClassVar[_Signature] = _Signature()
    _given: dict[str, Any]

    def __new__(cls, *args: Any, **options: Any) -> Self:
        """Note the arguments as they are given, before the constructor makes settings of them."""
        self = super().__new__(cls)
        try:
            bound = inspect.signature(cls.__init__).bind(self, *args, **options)
        except TypeError:  # which the constructor raises too, with the right words
            self._given = {}
            return self
        self._given = {k: v for k, v in bound.arguments.items() if k in _own_arguments(cls)}
        self._given |= {k: v for k, v in options.items() if k not in self._given}
        return self

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        known = _options(cls)
        if cls.__doc__ and known and not inspect.isabstract(cls):
            lines = "\n".join(f"    {line}" for line in _described(known))
            if not lines:
                return
            cls.__doc__ = f"{inspect.cleandoc(cls.__doc__)}\n\nSettings, by keyword:\n{lines}\n"

    @classmethod
    def options(cls) -> type[Settings]:
        """Return the class of the settings that the constructor takes by keyword."""
        raise NotImplementedError(f"{cls.__name__} names no settings")

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name, as they were given, or their defaults.

        Args:
            deep: Whether to name those of models among them too, as ``flow__layers``.
        """
        found: dict[str, Any] = {}
        for name, parameter in _signature(type(self)).parameters.items():
            value = self._given.get(name, parameter.default)
            if name in _own_arguments(type(self)):
                present = vars(self).get(name, value)
                # a model that was given is a template, of which the attribute may be a copy
                value = value if isinstance(present, Parameters) else present
            if value is Kind.empty:
                continue
            found[name] = value
            if deep and isinstance(value, Parameters):
                found |= {f"{name}__{key}": own for key, own in value.get_params().items()}
        return found

    def set_params(self, **params: Any) -> Self:
        """Change parameters, as ``layers=3`` or, of a model among them, ``flow__layers=3``.

        Those of the training count from the next ``fit`` on: until then a fitted model stays as it
        is.

        Raises:
            InputError: If there is no such parameter; the message names the nearest one.
            pydantic.ValidationError: If a value is out of its range; nothing is changed then.
        """
        own = self.get_params(deep=False)
        nested: dict[str, dict[str, Any]] = {}
        for key in params:
            name, _, rest = key.partition("__")
            if name not in _signature(type(self)).parameters:
                raise InputError(
                    f"{type(self).__name__} has no parameter {name!r}"
                    f"{nearest(name, _signature(type(self)).parameters)}"
                )
            if rest:
                nested.setdefault(name, {})[rest] = params[key]
        changes = {key: value for key, value in params.items() if "__" not in key}
        for name, inner in nested.items():
            part = changes.get(name, own.get(name))
            if not isinstance(part, Parameters):
                raise InputError(f"{name}__{next(iter(inner))}: {name} is {part!r}, not a model")
            part.set_params(**inner)
        self._apply(type(self)(**{**own, **changes}), changes)
        return self

    def _apply(self, made: Self, changes: Mapping[str, Any]) -> None:
        """Take the parameters of a model that was made anew with some changes."""
        if not self.__sklearn_is_fitted__():
            vars(self).update(vars(made))
            return
        self._given = made._given
        vars(self).update({name: vars(made)[name] for name in LIVE if name in vars(made)})
        sampling = getattr(self, "sampling", None)
        if isinstance(sampling, type(self).options()):
            chosen = {k: v for k, v in changes.items() if k in type(sampling).model_fields}
            vars(self)["sampling"] = type(sampling)(**{**sampling.model_dump(), **chosen})

    def __repr__(self) -> str:
        defaults = _signature(type(self)).parameters
        shown = [
            f"{name}={_shown(value)}"
            for name, value in self.get_params(deep=False).items()
            if not _same(value, defaults[name].default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __sklearn_clone__(self) -> Self:
        """Return an untrained model of the same parameters; models that are prefit stay fitted."""
        own = self.get_params(deep=False)
        if own.get("prefit"):
            return type(self)(**own)
        return type(self)(**{name: _cloned(value) for name, value in own.items()})

    def __sklearn_is_fitted__(self) -> bool:
        raise NotImplementedError

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type="density_estimator",
            target_tags=TargetTags(required=False),
            input_tags=InputTags(),
        )


def _options(cls: type[Parameters]) -> type[Settings] | None:
    """Return the settings of a class, if it has them: a base class has none."""
    try:
        return cls.options()
    except (AttributeError, NotImplementedError, StopIteration):
        return None


def _fields(options: type[Settings]) -> Iterator[tuple[str, Any]]:
    """Yield the settings that can be given by keyword, without those that name trained parts."""
    parts = getattr(options, "parts", {})
    return ((name, f) for name, f in options.model_fields.items() if name not in parts)


def _own_arguments(cls: type[Parameters]) -> dict[str, inspect.Parameter]:
    """Return the arguments that the constructor of a class names."""
    every = list(inspect.signature(cls.__init__).parameters.values())[1:]
    return {p.name: p for p in every if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def _signature(cls: type[Parameters]) -> inspect.Signature:
    """Return the signature of a class: its own arguments, then its settings."""
    arguments = _own_arguments(cls)
    every = list(inspect.signature(cls.__init__).parameters.values())
    open_ended = any(p.kind == Kind.VAR_KEYWORD for p in every)
    options = _options(cls) if open_ended else None
    settings = [
        Kind(
            name,
            Kind.KEYWORD_ONLY,
            default=Kind.empty if field.is_required() else field.get_default(),
            annotation=field.annotation,
        )
        for name, field in (_fields(options) if options else ())
        if name not in arguments
    ]
    return inspect.Signature([*arguments.values(), *settings])


def _described(options: type[Settings]) -> Iterator[str]:
    """Yield a line for each setting: name, default and description."""
    for name, field in _fields(options):
        default = "required" if field.is_required() else f"default {_shown(field.get_default())}"
        yield f"{name} ({default}): {field.description}"


def _cloned(value: Any) -> Any:
    """Return a value with untrained copies of the models in it."""
    if isinstance(value, Parameters):
        return value.__sklearn_clone__()
    if isinstance(value, Mapping):
        return {key: _cloned(own) for key, own in value.items()}
    return value


def _same(value: Any, default: Any) -> bool:
    """Return whether a value is the default; arrays never are."""
    return value is default or (not isinstance(value, np.ndarray) and bool(value == default))


def _shown(value: Any) -> str:
    """Write a value, of an array its shape alone."""
    if isinstance(value, np.ndarray):
        return f"<array of shape {value.shape}>"
    return repr(value)
