"""What Central answers when it refuses: a number, a sentence, and details.

Each function gives one of Central's own problems with its code and wording, as recorded. The whole part
of the code is the HTTP status. How a problem is written out (JSON, OpenRosa XML, OData XML) is decided in
`exchange`; nothing here knows about requests.
"""

from collections.abc import Sequence
from typing import Any


class Problem(Exception):
    """A refusal with Central's code; `code` None is its bare 500 without one.

    `tag` is the entity tag Central had already put on the answer when it failed.
    """

    def __init__(self, code: float | None, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details
        self.tag: str | None = None

    @property
    def status(self) -> int:
        return 500 if self.code is None else int(self.code)

    def payload(self) -> dict[str, Any]:
        """The JSON body: a missing code or details leaves no key."""
        body: dict[str, Any] = {"message": self.message}
        if self.code is not None:
            body["code"] = self.code
        if self.details is not None:
            body["details"] = self.details
        return body


def broken() -> Problem:
    return Problem(None, "Internal Server Error")


def unparseable(length: int) -> Problem:
    return Problem(
        400.1,
        f"Could not parse the given data ({length} chars) as json.",
        {"format": "json", "rawLength": length},
    )


def missing(field: str) -> Problem:
    return Problem(400.2, f"Required parameter {field} missing.", {"field": field})


def missing_all(expected: Sequence[str], got: dict[str, Any]) -> Problem:
    pairs = ", ".join(f"{name}: {quoted(got.get(name))}" for name in expected)
    details = {"expected": list(expected), "got": {k: v for k, v in got.items() if k in expected}}
    return Problem(
        400.3, f"Required parameters missing. Expected ({', '.join(expected)}), got ({pairs}).", details
    )


def quoted(value: Any) -> str:
    return "undefined" if value is None else f"'{value}'"


def bad_header(field: str) -> Problem:
    return Problem(
        400.6, f"An expected header field ({field}) did not match the expected format.", {"field": field}
    )


def missing_part(field: str) -> Problem:
    return Problem(400.7, f"Required multipart POST field {field} missing.", {"field": field})


def unexpected(field: str, value: Any, reason: str) -> Problem:
    details = {"field": field, "value": value, "reason": reason}
    if value is None:
        del details["value"]
    return Problem(400.8, f"Unexpected {field} value {_in_words(value)}; {reason}", details)


def _in_words(value: Any) -> str:
    """A value as the server's language writes it into a sentence."""
    if isinstance(value, list):
        return ",".join(_in_words(item) for item in value)
    return "undefined" if value is None else "[object Object]" if isinstance(value, dict) else str(value)


def bad_type(expected: str, *, field: str | None = None, value: Any = None) -> Problem:
    what = f"({field})" if field else f'"{value}"'
    details = {"field": field, "value": value, "expected": expected}
    return Problem(
        400.11,
        f"Invalid input data type: expected {what} to be ({expected})",
        {k: v for k, v in details.items() if v is not None},
    )


def too_long() -> Problem:
    return Problem(400.13, "Length of value too long for a field")


def bad_xlsform(error: str, warnings: Sequence[str] | None) -> Problem:
    message = "The given XLSForm file was not valid. Please see the error details for more information."
    return Problem(400.15, message, {"error": error, "warnings": warnings})


def form_warnings(warnings: dict[str, Any]) -> Problem:
    message = (
        "The Form is valid, but with warnings. Please check the warnings and if they are acceptable resubmit"
        " with ?ignoreWarnings=true"
    )
    return Problem(400.16, message, {"warnings": warnings})


def type_changed(path: str, before: str) -> Problem:
    message = (
        f"The form you have uploaded attempts to change the type of the field at {path}. In a previous"
        " version,"
        f" it had the type {before}. Please either return that field to its previous type, or rename the"
        " field"
        " so it lives at a new path."
    )
    return Problem(400.17, message, {"path": path, "type": before})


def bad_filter(reason: str) -> Problem:
    message = f"The OData filter expression you provided could not be parsed: {reason}"
    return Problem(400.18, message, {"reason": reason})


def no_deprecated_id() -> Problem:
    return Problem(
        400.19,
        "This PUT endpoint expects a deprecatedID metadata tag pointing at the current version instanceID. I"
        " cannot find that tag in your request.",
    )


def no_property(name: str) -> Problem:
    return Problem(400.23, f"Could not find a property named '{name}'", {"property": name})


def bad_entity_form(reason: str) -> Problem:
    return Problem(400.25, f"The entity definition within the form is invalid. {reason}", {"reason": reason})


def no_meta() -> Problem:
    return Problem(400.27, "The form does not contain a 'meta' group.")


def bad_entity(reason: str) -> Problem:
    return Problem(400.28, f"The entity is invalid. {reason}", {"reason": reason})


def unexpected_keys(expected: Sequence[str], actual: Sequence[str]) -> Problem:
    message = f"Expected parameters: ({', '.join(expected)}). Got ({', '.join(actual)})."
    return Problem(400.31, message, {"expected": list(expected), "actual": list(actual)})


def no_conflict() -> Problem:
    return Problem(400.32, "The Entity doesn't have any conflict")


def skiptoken_lost() -> Problem:
    return Problem(400.34, "Record associated with the provided $skiptoken not found.")


def bad_skiptoken() -> Problem:
    return Problem(400.35, "Invalid $skiptoken")


def too_large() -> Problem:
    return Problem(400.36, "Request body too large.")


def bad_multipart(reason: str) -> Problem:
    return Problem(400.39, "Multipart form content failed to parse.", {"reason": reason})


def several_entities_failed(errors: list[dict[str, Any]], total: int) -> Problem:
    message = f"{len(errors)} of {total} entities in the submission could not be processed."
    return Problem(400.43, message, {"count": len(errors), "total": total, "errors": errors})


def not_authenticated() -> Problem:
    return Problem(401.2, "Could not authenticate with the provided credentials.")


def https_only() -> Problem:
    return Problem(401.3, "This authentication method is only available over HTTPS")


def forbidden() -> Problem:
    return Problem(403.1, "The authentication you provided does not have rights to perform that action.")


def action_not_permitted(action: str, permitted: Sequence[str]) -> Problem:
    message = (
        f"The entity action '{action}' is not permitted by the form; it permits: {', '.join(permitted)}."
    )
    return Problem(403.2, message, {"action": action, "permitted": list(permitted)})


def not_found() -> Problem:
    return Problem(404.1, "Could not find the resource you were looking for.")


def no_api_version() -> Problem:
    return Problem(404.2, "Expected an API version (eg /v1) at the start of the request URL.")


def wrong_api_version(got: str) -> Problem:
    return Problem(404.3, f"Unexpected an API version (accepts: 1) (got: {got}).", {"got": got})


def deprecated_not_found(instance: str) -> Problem:
    message = (
        "You tried to update an existing submission, but we can't find that submission to update"
        f" ({instance})"
    )
    return Problem(404.5, message, {"deprecatedId": instance})


def version_not_found(version: str) -> Problem:
    message = f"The form version specified in this submission '{version}' does not exist."
    return Problem(404.6, message, {"formVersion": version})


def dataset_not_found(name: str) -> Problem:
    return Problem(
        404.7, f"The dataset ({name}) specified in the submission does not exist.", {"datasetName": name}
    )


def entity_not_found(uuid: str, dataset: str) -> Problem:
    message = (
        f"The entity with UUID ({uuid}) specified in the submission does not exist in the dataset"
        f" ({dataset})."
    )
    return Problem(404.8, message, {"entityUuid": uuid, "datasetName": dataset})


def entity_version_not_found(version: Any, uuid: str, dataset: str) -> Problem:
    message = f"Base version ({version}) does not exist for entity UUID ({uuid}) in dataset ({dataset})."
    return Problem(404.9, message, {"entityUuid": uuid, "baseVersion": version, "datasetName": dataset})


def entity_deleted(uuid: str) -> Problem:
    return Problem(404.11, f"The entity with UUID ({uuid}) has been deleted.", {"entityUuid": uuid})


def wrong_format(allowed: Sequence[str], got: str) -> Problem:
    message = f"Requested format not acceptable; this resource allows: {','.join(allowed)}."
    return Problem(406.1, message, {"allowed": list(allowed), "got": got})


def other_xml() -> Problem:
    return Problem(
        409.1,
        "A submission already exists with this ID, but with different XML. Resubmissions to attach additional"
        " multimedia must resubmit an identical xml_submission_file.",
    )


def closed() -> Problem:
    return Problem(
        409.2,
        "This form is not currently accepting submissions. Please talk to your program staff if this is"
        " unexpected.",
    )


def duplicate(fields: Sequence[str], values: Sequence[Any], table: str | None) -> Problem:
    values = [str(value) for value in values]
    details = {"fields": list(fields), "values": values} | ({"table": table} if table else {})
    message = f"A resource already exists with {','.join(fields)} value(s) of {','.join(values)}."
    return Problem(409.3, message, details)


def duplicate_instance(instance: str) -> Problem:
    """409.3 for an edit that reuses an instanceID: here Central's details are bare texts, not lists."""
    message = f"A resource already exists with instanceID value(s) of {instance}."
    return Problem(409.3, message, {"fields": "instanceID", "values": instance})


def version_exists(form: str, version: str) -> Problem:
    message = (
        f"You tried to publish the form '{form}' with version '{version}', but a published form has already"
        " existed in this project with those identifiers."
    )
    return Problem(409.6, message, {"xmlFormId": form, "version": version})


def only_draft() -> Problem:
    return Problem(
        409.7,
        "Could not delete draft, because the form has not been published. Either delete the whole form, or"
        " replace the draft.",
    )


def out_of_date(instance: str | None) -> Problem:
    shown = "undefined" if instance is None else instance
    message = (
        f"You tried to update a submission, but the copy you were editing ({shown}) is now out of date."
        " Please"
        " get the new version that has been submitted, and make your edits again."
    )
    return Problem(409.9, message, {"deprecatedId": instance})


def entity_out_of_date(current: int, provided: str | None) -> Problem:
    message = (
        f"Current version of the Entity is '{current}' and you provided"
        f" '{'undefined' if provided is None else provided}'. Please correct the version number or pass"
        " '?force=true' in the URL to forcefully update the Entity."
    )
    details = {"current": str(current)} | ({} if provided is None else {"provided": provided})
    return Problem(409.15, message, details)


def other_capitals(current: str, provided: str) -> Problem:
    message = (
        f"A dataset named '{current}' exists and you provided '{provided}' with the same name but different"
        " capitalization."
    )
    return Problem(409.16, message, {"current": current, "provided": provided})


def property_capitals(pairs: list[dict[str, str]]) -> Problem:
    message = (
        "This form attempts to create new Entity properties that match with existing ones except for"
        " capitalization."
    )
    return Problem(409.17, message, {"duplicateProperties": pairs})


def deleted_submission() -> Problem:
    return Problem(409.18, "This submission has been deleted. You may not resubmit it.")


def deleted_uuids(uuids: Sequence[str]) -> Problem:
    message = (
        "The following UUID(s) cannot be used because they are associated with deleted Entities:"
        f" ({', '.join(uuids)})."
    )
    return Problem(409.19, message, {"entityUuids": list(uuids)})


def property_in_use(name: str, details: dict[str, Any]) -> Problem:
    return Problem(409.22, f'Prerequisites for deleting the property "{name}" are not met.', details)


def not_supported(feature: str) -> Problem:
    message = f"The requested feature {feature} is not supported by this server."
    return Problem(501.1, message, {"feature": feature})


def unsupported_expression(kind: str, at: int, text: str) -> Problem:
    message = (
        "The given OData filter expression uses features not supported by this server:"
        f' {kind} at {at} ("{text}")'
    )
    return Problem(501.4, message, {"at": at, "type": kind, "text": text})


def unsupported_field(text: str, at: int | None = None) -> Problem:
    where = "" if at is None else f" at {at}"
    message = (
        f"The given OData filter expression references fields not supported by this server: {text}{where}"
    )
    return Problem(501.5, message, {"text": text} | ({} if at is None else {"at": at}))


def unsupported_expand(text: str) -> Problem:
    message = (
        f'The given OData expand expression is not supported by this server: "{text}". Currently, only'
        ' "$expand=*" is supported.'
    )
    return Problem(501.6, message, {"text": text})


def select_with_expand() -> Problem:
    return Problem(501.11, "This server doesn't support $select query parameter with $expand.")
