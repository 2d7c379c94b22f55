"""The validators of the RO-Crate profiles, without a network: the terms that crates use stand here."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from rocrate_validator import models, services
from rocrate_validator.models import settings
from rocrate_validator.utils.http import HttpRequester

_SCHEMA_ORG = """
about actionStatus additionalType agent alternateName author ComputerLanguage contentSize ControlAction CreateAction
CreativeWork Dataset datePublished description encodingFormat endTime error exampleOfWork hasPart HowTo HowToStep
identifier instrument isBasedOn isPartOf license mainEntity mentions name object OrganizeAction Person position
programmingLanguage propertyID PropertyValue result SoftwareApplication SoftwareSourceCode softwareVersion startTime
step url value valueReference version workExample
"""
_CONTEXT: dict[str, object] = {
    **{term: f"http://schema.org/{term}" for term in _SCHEMA_ORG.split()},
    "File": "http://schema.org/MediaObject",
    "conformsTo": "http://purl.org/dc/terms/conformsTo",
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


def faults(crate: Path, profile: str, severity: str = "REQUIRED") -> list[str]:
    """What a profile and those below it find wrong with a crate."""
    with _contexts_at_hand():
        asked = services.ValidationSettings(
            rocrate_uri=str(crate),
            profile_identifier=profile,
            requirement_severity=models.Severity[severity],
            abort_on_first=False,
            no_cache=True,
        )
        found = services.validate(asked).get_issues()
    return sorted({f"{each.check.identifier} {each.message}" for each in found})


@contextmanager
def _contexts_at_hand():
    answer = SimpleNamespace(
        status_code=200,
        headers={"Content-Type": "application/ld+json"},
        json=lambda: {"@context": _CONTEXT},
        text="",
        content=b"",
    )
    with (
        warnings.catch_warnings(action="ignore"),
        mock.patch.object(HttpRequester, "get", return_value=answer, create=True),
        mock.patch.object(settings, "auto_warm_up_for_settings", return_value=None),
    ):
        yield
