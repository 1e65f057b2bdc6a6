"""GXDLMSTranslator of gurux-dlms (GPL) as a filter: runs in a process and an environment of its own, never in ours.

A line is a JSON object, {"pdu": hex} or {"xml": document}; the answer is {"xml": ...}, {"pdu": ...} or {"error": ...}.
"""

import json
import sys

from gurux_dlms import GXDLMSTranslator
from gurux_dlms.enums import TranslatorOutputType


def answer(translator: GXDLMSTranslator, request: dict[str, str]) -> dict[str, str]:
    try:
        if "pdu" in request:
            return {"xml": translator.pduToXml(bytes.fromhex(request["pdu"]))}
        return {"pdu": bytes(translator.xmlToPdu(request["xml"])).hex().upper()}
    except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
        return {"error": repr(error)}


def main() -> None:
    translator = GXDLMSTranslator(TranslatorOutputType.STANDARD_XML)
    out, sys.stdout = sys.stdout, sys.stderr  # it prints
    for line in sys.stdin:
        print(json.dumps(answer(translator, json.loads(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
