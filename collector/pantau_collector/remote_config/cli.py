"""`pantau-collector config keygen|sign|show|publish`: configure agents from afar.

Signing needs the private key and nothing else, so it can be done on a machine without any network.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pantau_collector import config as configuration
from pantau_collector import i18n, mqtt
from pantau_collector.errors import RemoteConfigError
from pantau_collector.i18n import marked as _
from pantau_collector.registry.instants import parse_instant
from pantau_collector.remote_config import files
from pantau_collector.remote_config.publishing import publish
from pantau_collector.remote_config.summary import summary
from pantau_wire import codec
from pantau_wire.errors import InvalidTopicError, KeyFormatError, SignatureError, WireError
from pantau_wire.remote import MAX_SIGNED_CHARS, Instruction, config_topic

if TYPE_CHECKING:
    import argparse

    from pantau_wire.remote import ConfigMessage

    Parsers = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name

_KEY_MADE = _(
    "{path} is the private key, readable by you only. Keep it on a machine that is neither broker nor "
    "collector, and a copy in a safe place: who has it can configure every device that trusts it.\n"
    "Devices trust it with these lines in /etc/pantau/agent.toml:"
)
_GOOD = _("the signature is good")
_BAD = _("the signature is NOT good: {reason}")
_PUBLISHED = _("the broker keeps it on {topic}; each device says in its status whether it took it")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands to the parser of `pantau-collector config`."""
    commands = parser.add_subparsers(metavar="COMMAND")
    keygen = _command(commands, "keygen", "make the key that signs configurations for agents", _keygen)
    keygen.add_argument("--out", type=Path, required=True, metavar="FILE", help="file for the private key")
    _add_sign(_command(commands, "sign", "sign settings for a device or a group of devices", _sign))
    show = _command(commands, "show", "verify a signed configuration and say what it changes", _show)
    show.add_argument("message", metavar="FILE", help="what `sign` wrote; - for standard input")
    show.add_argument("--public-key", required=True, metavar="KEY", help="as in the devices' agent.toml")
    send = _command(commands, "publish", "hand a signed configuration to the broker, retained", _publish)
    send.add_argument("message", metavar="FILE", help="what `sign` wrote; - for standard input")


def _command(commands: Parsers, name: str, about: str, function: object) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=about, description=about)
    parser.add_argument("--lang", choices=i18n.LANGUAGES, help="language of the messages")
    parser.set_defaults(function=function)
    return parser


def _add_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key")
    parser.add_argument("--audience", required=True, metavar="WHO", help="device:ID or group:ID")
    parser.add_argument(
        "--version", type=int, required=True, metavar="N", help="higher than the audience's last one"
    )
    parser.add_argument("--settings", required=True, metavar="FILE", help="TOML; an empty one takes all back")
    parser.add_argument(
        "--not-after", metavar="INSTANT", help="nobody takes it later; such as 2026-12-01T00:00:00+07:00"
    )


def _keygen(arguments: argparse.Namespace) -> int:
    from pantau_wire import signing  # noqa: PLC0415 - only who handles keys loads libsodium

    pem = signing.new_private_pem()
    files.write_private_key(arguments.out, pem)
    _note(_tell(arguments, _KEY_MADE, path=arguments.out))
    _say(f'[remote]\npublic_key = "{signing.public_key_of(pem)}"')
    return 0


def _sign(arguments: argparse.Namespace) -> int:
    from pantau_wire import signing  # noqa: PLC0415 - only who handles keys loads libsodium

    instruction = _instruction(arguments)
    text = codec.encode_instruction(instruction)
    if len(text) > MAX_SIGNED_CHARS:
        raise RemoteConfigError(f"{arguments.settings}: too much for one message: {len(text)} characters")
    try:
        message = signing.sign(text, files.read_text(arguments.key))
    except KeyFormatError as error:
        raise RemoteConfigError(f"{arguments.key}: {error}") from None
    _note("\n".join(summary(instruction, message.key, _language(arguments))))
    _say(msgspec.json.format(msgspec.json.encode(message), indent=2).decode())
    return 0


def _instruction(arguments: argparse.Namespace) -> Instruction:
    """Return what is to be signed, exactly as devices will read it; raises `RemoteConfigError`."""
    instruction = Instruction(
        audience=_audience(arguments.audience),
        version=arguments.version,
        issued_at_ns=time.time_ns(),
        not_after_ns=_not_after_ns(arguments.not_after),
        settings=files.read_settings(arguments.settings),
    )
    try:
        return codec.decode_instruction(codec.encode_instruction(instruction))
    except WireError as error:
        raise RemoteConfigError(f"devices would not read this: {error}") from None


def _audience(text: str) -> str:
    kind, _colon, name = text.partition(":")
    if kind not in ("device", "group") or not name:
        raise RemoteConfigError(f"--audience: {text!r} is neither device:ID nor group:ID")
    try:
        config_topic(text)
    except InvalidTopicError as error:
        raise RemoteConfigError(f"--audience: {error}") from None
    return text


def _not_after_ns(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except ValueError:
        raise RemoteConfigError(
            f"--not-after: {text!r} is not an instant such as 2026-12-01T00:00:00+07:00"
        ) from None


def _show(arguments: argparse.Namespace) -> int:
    from pantau_wire import signing  # noqa: PLC0415 - only who handles keys loads libsodium

    message = files.read_message(arguments.message)
    try:
        signing.verify(message, arguments.public_key)
    except SignatureError as error:
        _note(_tell(arguments, _BAD, reason=error))
        return 1
    except KeyFormatError as error:
        raise RemoteConfigError(f"--public-key: {error}") from None
    _say("\n".join(summary(_read(message, arguments.message), message.key, _language(arguments))))
    _say(_tell(arguments, _GOOD))
    return 0


def _publish(arguments: argparse.Namespace) -> int:
    message = files.read_message(arguments.message)
    topic = config_topic(_read(message, arguments.message).audience)
    options = mqtt.connect_options(configuration.load(arguments.config).broker)
    asyncio.run(publish(options, topic, message))
    _say(_tell(arguments, _PUBLISHED, topic=topic))
    return 0


def _read(message: ConfigMessage, file: str) -> Instruction:
    try:
        return codec.decode_instruction(message.signed)
    except WireError as error:
        raise RemoteConfigError(f"{file}: {error}") from None


def _language(arguments: argparse.Namespace) -> i18n.Language:
    return i18n.known(arguments.lang) or i18n.of_terminal()


def _tell(arguments: argparse.Namespace, text: str, **values: object) -> str:
    return i18n.Message(text, values).to(_language(arguments))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
