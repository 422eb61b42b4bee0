"""`telltale edge enrol`: a key that never leaves the gateway, and the request that does."""

from __future__ import annotations

from edge_agent.enrol.files import GatewayFiles
from telltale.durable_file import PUBLIC, create_durably, make_folder, write_durably
from telltale.errors import UserError
from telltale.private_file import check_private
from telltale.signing_request import new_key, signing_request

NEXT = """\
{made}
signing request: {request}

What to do next:
  1. Bring {request_name} to whoever runs the certificate authority. It holds no secret.
     There: telltale pki issue DIR {request_name} --gateway {gateway}
     (a renewal: add --renew)
  2. Bring back the certificate and the authority's ca.crt.
     Here:  telltale edge enrol -c {config}{folder} --certificate FILE --ca ca.crt
  3. Start the agent again, then: telltale edge check -c {config}{folder}"""


def request_certificate(files: GatewayFiles, gateway: str) -> str:
    """Make the key if there is none, and a request signed by it; says what to do next.

    A key that is there stays: then this asks for a renewal.

    Raises:
        UserError: a file cannot be read or written, or the key may be read by others.
    """
    made = _keep_key(files)
    try:
        request = signing_request(files.key.read_bytes(), gateway, str(files.key))
        write_durably(files.request, request, PUBLIC)
    except OSError as error:
        raise _unusable(error, files) from None
    return made


def next_steps(made: str, files: GatewayFiles, gateway: str, config: str, folder: str) -> str:
    """What a technician does now."""
    return NEXT.format(
        made=made, request=files.request, request_name=files.request.name, gateway=gateway, config=config, folder=folder
    )


def _keep_key(files: GatewayFiles) -> str:
    try:
        for path in (files.key, files.certificate):
            make_folder(path.parent, 0o700)
        create_durably(files.key, new_key())
    except FileExistsError:
        check_private(files.key, "broker.key_file")
        return f"kept the key {files.key} (for a new one, move it away first)"
    except OSError as error:
        raise _unusable(error, files) from None
    return f"made the key {files.key}: it never leaves this gateway"


def _unusable(error: OSError, files: GatewayFiles) -> UserError:
    return UserError(f"{error.filename or files.key}: {error.strerror or error}", "run this as the files' owner")
