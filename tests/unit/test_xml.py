"""Documents from strangers: parsed or refused, arranged, read to the letter, and every fault named by its place."""

import copy
import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from cas import xml
from cas.bindings import cosempdu as cos
from cas.bindings import message
from cas.bindings.message import ErrorType, HeaderType, ReplyType, RequestMessage, Result, Verb
from cas.cosem.data import Data
from cas.cosem.scanning import MAX_DEPTH
from cas.xml import XmlError, parse
from tests import strategies

ROOT = Path(__file__).parents[2]
COS = "http://www.dlms.com/COSEMpdu"
MES = "http://iec.ch/TC57/2011/schema/message"
SCHEMA = etree.XMLSchema(etree.parse(ROOT / "schemas/COSEMpdu.xsd"))
MESSAGES = etree.XMLSchema(etree.parse(ROOT / "schemas/Message.xsd"))
VECTORS = json.loads((ROOT / "tests/vectors/apdus.json").read_text())["apdus"]

GET = (
    "<get-request><get-request-normal><invoke-id-and-priority>193</invoke-id-and-priority><cosem-attribute-descriptor>"
    "<class-id>8</class-id><instance-id>0000010000FF</instance-id><attribute-id>2</attribute-id>"
    "</cosem-attribute-descriptor></get-request-normal></get-request>"
)


DATA_KINDS = {"array", "structure", "compact-array"}
ROOTS: dict[str, type] = {
    name: getattr(message, name) for name in ("RequestMessage", "ResponseMessage", "EventMessage", "FaultMessage")
}


def message_of(file: Path) -> xml.Element:
    """The message in a SOAP envelope, as a document of its own."""
    body = next(e for e in parse(file.read_bytes()).iter() if etree.QName(e).localname in ROOTS)
    return etree.ElementTree(copy.deepcopy(body)).getroot()


MESSAGE_FILES = [
    file
    for file in sorted((ROOT / "tests/vectors/xml/valid").glob("*.xml"))
    if any(name in file.read_text() for name in ROOTS)
]


def cosem(text: str) -> xml.Element:
    """An element of COSEMpdu, its default namespace declared."""
    end = min(text.index(c) for c in " />" if c in text)
    return parse(f'{text[:end]} xmlns="{COS}"{text[end:]}'.encode())


def fault(cls: type, text: str) -> str:
    with pytest.raises(XmlError) as caught:
        xml.read(cls, cosem(text))
    return str(caught.value)


class TestParse:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be"])
    @pytest.mark.parametrize(
        "doctype",
        [
            "<!DOCTYPE a>",
            '<!DOCTYPE a SYSTEM "file:///etc/passwd">',
            '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
            '<!DOCTYPE a [<!ENTITY a0 "ha"><!ENTITY a1 "&a0;&a0;&a0;&a0;"><!ENTITY a2 "&a1;&a1;&a1;">]>',
        ],
    )
    def test_a_doctype_is_refused_in_any_encoding(self, doctype: str, encoding: str) -> None:
        bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
        declared = "utf-16" if "16" in encoding else encoding
        document = f'<?xml version="1.0" encoding="{declared}"?>{doctype}<a>x</a>'
        with pytest.raises(XmlError, match="document type"):
            parse(bom + document.encode(encoding))

    def test_an_entity_bomb_in_utf_16_neither_grows_nor_passes(self) -> None:
        levels = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 12))
        document = f'<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY e0 "lol">{levels}]><a>&e11;</a>'
        with pytest.raises(XmlError):
            parse(document.encode("utf-16"))

    @pytest.mark.parametrize(
        "octets",
        [
            b"",
            b" ",
            b"\x00",
            b"\xff\xfe",
            b"<a>",
            b"<a></b>",
            b"<a>&undefined;</a>",
            b"<a>\xff</a>",
            b"<a>\x01</a>",
            b'<?xml version="1.0" encoding="klingon"?><a/>',
            b'<?xml version="1.0" encoding="ascii"?><a>\xc3\xa9</a>',
            b"<a/><b/>",
            b"<x:a/>",
            b'<a b="1" b="2"/>',
            "<a>\ud800</a>".encode("utf-8", "surrogatepass"),
        ],
    )
    def test_what_is_no_document_is_refused(self, octets: bytes) -> None:
        with pytest.raises(XmlError):
            parse(octets)

    def test_depth_and_length_are_bounded(self) -> None:
        with pytest.raises(XmlError):
            parse(b"<a>" * 5000 + b"</a>" * 5000)
        with pytest.raises(XmlError):
            parse(b"<a>" + b"x" * 10_100_000 + b"</a>")

    @given(st.binary(max_size=60) | st.builds(lambda text: text.encode(), st.text("<>/!?[]&;=\"' ax:\n", max_size=60)))
    @settings(max_examples=300)
    def test_any_octets_are_a_document_or_an_error(self, octets: bytes) -> None:
        try:
            parse(octets)
        except XmlError as error:
            assert str(error)

    def test_comments_and_instructions_inside_a_value_lose_none_of_it(self) -> None:
        for inside in ("<!-- -->", "<?pi data?>", "<!-- a --><?b c?>", "<![CDATA[]]>"):
            data = xml.read(
                cos.GetDataResult, cosem(f"<r><data><octet-string>AB{inside}CD</octet-string></data></r>")
            ).data
            assert data == Data.of("octet-string", b"\xab\xcd")
        request = GET.replace(">8<", "><!-- eight -->8<?x?><").replace("<class-id>", "<!-- c --><class-id>")
        assert xml.read(cos.GetRequest, cosem(request)) == xml.read(cos.GetRequest, cosem(GET))


class TestPlaceOfTheFault:
    @pytest.mark.parametrize(
        ("changed", "place"),
        [
            ((">8<", ">eight<"), "cosem-attribute-descriptor/cos:class-id: 'eight' is no number"),
            ((">8<", "><"), "cosem-attribute-descriptor/cos:class-id: '' is no number"),
            (
                ("0000010000FF", "00000100FG"),
                "cosem-attribute-descriptor/cos:instance-id: '00000100FG' is no hexBinary",
            ),
            (("0000010000FF", "000"), "cosem-attribute-descriptor/cos:instance-id: '000' is no hexBinary"),
            (("<class-id>8</class-id>", ""), "cosem-attribute-descriptor: cos:class-id missing"),
            (
                ("<class-id>8</class-id>", "<class-id>8</class-id><class-id>8</class-id>"),
                "cosem-attribute-descriptor/cos:class-id[2]: stands twice",
            ),
            (("<class-id>8</class-id>", "<class-id>8</class-id><more/>"), "/cos:more: has no place"),
            (("<class-id>8</class-id>", "<class-id>8</class-id><m:more xmlns:m='urn:m'/>"), "/m:more: has no place"),
            (("<class-id>", "<class-id unit='m'>"), "cos:class-id: has no attribute unit"),
            (("<class-id>8", "<class-id>8<deep/>"), "cos:class-id: holds text, no elements"),
            (("<class-id>", "<class-id xmlns=''>"), "cosem-attribute-descriptor/class-id: has no place"),
            (("</class-id>", "</class-id>words"), "cosem-attribute-descriptor: the text 'words' has no place"),
            (("<get-request-normal>", "words<get-request-normal>"), "/cos:get-request: the text 'words' has no place"),
            (
                ("<cosem-attribute-descriptor>", "<cosem-attribute-descriptor id='1'>"),
                "descriptor: has no attribute id",
            ),
        ],
    )
    def test_is_named(self, changed: tuple[str, str], place: str) -> None:
        assert place in fault(cos.GetRequest, GET.replace(*changed))

    def test_a_choice_holds_one_alternative(self) -> None:
        assert "/cos:get-request: holds one of its alternatives, not 0" in fault(cos.GetRequest, "<get-request/>")
        following = (
            "<get-request-next><invoke-id-and-priority>1</invoke-id-and-priority><block-number>1</block-number>"
            "</get-request-next></get-request>"
        )
        assert "not 2" in fault(cos.GetRequest, GET.replace("</get-request>", following))

    def test_the_position_among_equals_is_told(self) -> None:
        entry = "<Data><unsigned>{}</unsigned></Data>"
        text = (
            "<set-request-with-list><value-list>"
            + entry.format(1)
            + entry.format(256)
            + "</value-list></set-request-with-list>"
        )
        assert "/cos:Data[2]/cos:unsigned: unsigned: 256 is not in 0..255" in fault(cos.SetRequestWithList, text)

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            ("<octet-string>AB<x/>CD</octet-string>", "octet-string holds no elements"),
            ("<octet-string size='2'>ABCD</octet-string>", "octet-string has no attribute size"),
            ("<null-data>5</null-data>", "'5' stands where nothing may"),
            ("<structure>words<unsigned>1</unsigned></structure>", "'words' has no place in structure"),
            ("<array><unsigned>1</unsigned>,<unsigned>2</unsigned></array>", "',' has no place in array"),
            ("<float32>3F80</float32>", "2 octets, not 4"),
            ("<real>1</real>", "real is no kind of Data"),
            ("<bit-string>012</bit-string>", "'012' is no string of 0 and 1"),
            ("<boolean>yes</boolean>", "'yes' is neither true nor false"),
            ("<visible-string>\u20ac</visible-string>", "is no character of a visible string"),
            ("<compact-array/>", "contents-description and array-contents"),
            ("<integer>1</integer><integer>2</integer>", "holds one COSEM Data, not 2"),
            ("words<integer>1</integer>", "the text 'words' has no place"),
            ("<integer>1</integer>words", "the text 'words' has no place"),
        ],
    )
    def test_in_data(self, data: str, reason: str) -> None:
        assert reason in fault(cos.GetDataResult, f"<r><data>{data}</data></r>")

    @pytest.mark.parametrize(
        ("description", "contents", "reason"),
        [
            ("<unsigned/>", "ZZ", "array-contents: 'ZZ' is no hexBinary"),
            ("<unsigned>1</unsigned><unsigned/>", "01", "holds one element, not 2"),
            ("<rubbish/>", "01", "rubbish is no type"),
            ("<compact-array/>", "01", "no type has the tag 19"),
            ("<structure><unsigned><unsigned/></unsigned></structure>", "01", "unsigned holds no elements"),
            (
                "<array><number-of-elements>x</number-of-elements><type-description><unsigned/></type-description></array>",
                "01",
                "number-of-elements: 'x' is no number",
            ),
            (
                "<array><number-of-elements>65536</number-of-elements><type-description><unsigned/></type-description></array>",
                "01",
                "65536 is not in 0..65535",
            ),
            (
                "<array><number-of-elements>9</number-of-elements><type-description><null-data/></type-description></array>",
                "01",
                "elements without octets",
            ),
            ("<structure>" * 40 + "</structure>" * 40, "", "nested deeper"),
        ],
    )
    def test_in_compact_arrays(self, description: str, contents: str, reason: str) -> None:
        text = (
            f"<r><data><compact-array><contents-description>{description}</contents-description>"
            f"<array-contents>{contents}</array-contents></compact-array></data></r>"
        )
        assert reason in fault(cos.GetDataResult, text)

    def test_data_is_nested_as_deep_as_octets_may_be(self) -> None:
        def nested(depth: int) -> str:
            return "<r><data>" + "<structure>" * depth + "</structure>" * depth + "</data></r>"

        data = xml.read(cos.GetDataResult, cosem(nested(MAX_DEPTH))).data
        assert data is not None
        assert Data.decode(data.octets) == data
        assert "nested deeper" in fault(cos.GetDataResult, nested(MAX_DEPTH + 1))


class TestText:
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
    def test_of_our_own_is_carried_or_replaced(self, text: str) -> None:
        header = HeaderType(verb=Verb.GET, noun=text)
        read = xml.read(HeaderType, parse(xml.document(header)))
        legal = "".join(c if c in "\t\n\r" or " " <= c not in "\ufffe\uffff" else "\ufffd" for c in text)
        assert read.noun == legal

    def test_of_a_qualified_name_is_resolved_by_the_document(self) -> None:
        document = f'<p:E xmlns:p="{MES}" xmlns:q="urn:q"><p:code>1</p:code><p:xpath>q:Thing</p:xpath></p:E>'
        assert xml.read(ErrorType, parse(document.encode())).xpath.text == "{urn:q}Thing"  # type: ignore[union-attr]
        with pytest.raises(XmlError, match="mes:xpath: the prefix r is not declared"):
            xml.read(ErrorType, parse(document.replace("q:Thing", "r:Thing").encode()))


class TestArrange:
    @settings(max_examples=40)
    @given(st.sampled_from(VECTORS), st.randoms(use_true_random=False))
    def test_any_order_of_children_becomes_the_order_of_the_schema(
        self, vector: dict[str, str], random: Random
    ) -> None:
        root = parse(vector["xml"].encode())
        cls = cos.ACseApdu if root.tag.endswith("aCSE-APDU") else cos.XDlmsApdu
        before = xml.read(cls, root)
        for element in list(root.iter()):
            # elements of equal name stay in their order; what stands in Data has an order of its own
            inside_data = any(etree.QName(a).localname in DATA_KINDS for a in (element, *element.iterancestors()))
            if not inside_data and len({child.tag for child in element}) == len(element):
                element[:] = random.sample(list(element), len(element))
        xml.arrange(root, cls)
        SCHEMA.assertValid(root)
        assert xml.read(cls, root) == before

    @pytest.mark.parametrize("file", MESSAGE_FILES, ids=lambda file: file.stem)
    @pytest.mark.parametrize("seed", range(4))
    def test_messages(self, file: Path, seed: int) -> None:
        root = message_of(file)
        cls = ROOTS[etree.QName(root).localname]
        MESSAGES.assertValid(root)
        before: object = xml.read(cls, root)
        random = Random(seed)
        for element in [e for e in root.iter() if etree.QName(e).namespace != COS]:
            groups: dict[str, list[xml.Element]] = {}
            for child in element:
                groups.setdefault(str(child.tag), []).append(child)
            mixed = list(groups.values())
            random.shuffle(mixed)
            element[:] = [child for group in mixed for child in group]
        xml.arrange(root, cls)
        MESSAGES.assertValid(root)
        assert xml.read(cls, root) == before

    def test_foreign_elements_stand_where_the_schema_admits_them(self) -> None:
        text = (
            f'<m:r xmlns:m="{MES}"><m:operationId>1</m:operationId><x:y xmlns:x="urn:x"/><m:Result>OK</m:Result></m:r>'
        )
        element = parse(text.encode())
        xml.arrange(element, ReplyType)
        assert [etree.QName(child).localname for child in element] == ["Result", "y", "operationId"]
        reply = xml.read(ReplyType, element)
        assert (reply.result, reply.operation_id, len(reply.other_element)) == (Result.OK, 1, 1)

    def test_what_is_unknown_stays_and_stands_last(self) -> None:
        element = cosem(GET.replace("<class-id>", "<z/><class-id>"))
        xml.arrange(element, cos.GetRequest)
        assert [etree.QName(child).localname for child in element[0][1]][-1] == "z"

    def test_numbers_of_enumerations_become_names(self) -> None:
        element = cosem(
            "<s><set-response-normal><result>3</result><invoke-id-and-priority>1</invoke-id-and-priority></set-response-normal></s>"
        )
        xml.arrange(element, cos.SetResponse)
        assert element[0][1].text == "read-write-denied"
        response = xml.read(cos.SetResponse, element).set_response_normal
        assert response is not None
        assert response.result is cos.DataAccessResult.READ_WRITE_DENIED

    def test_the_last_arc_of_an_object_identifier_becomes_all_of_it(self) -> None:
        element = cosem(
            "<aarq><mechanism-name>5</mechanism-name><application-context-name> 3 </application-context-name></aarq>"
        )
        xml.arrange(element, cos.AarqApdu)
        aarq = xml.read(cos.AarqApdu, element)
        assert aarq.application_context_name == "2.16.756.5.8.1.3"
        assert aarq.mechanism_name == "2.16.756.5.8.2.5"
        foreign = cosem("<aarq><application-context-name>\u0663</application-context-name></aarq>")
        xml.arrange(foreign, cos.AarqApdu)
        assert foreign[0].text == "\u0663"


@settings(max_examples=60)
@given(strategies.of("Get-Data-Result"), st.data())
def test_a_document_with_something_changed_is_read_or_refused(result: cos.GetDataResult, data: st.DataObject) -> None:
    document = xml.write(result, "cos:r", xml.DECLARATIONS)
    at = data.draw(st.integers(0, len(document)))
    changed = document[:at] + data.draw(st.sampled_from(["x", "<", "/", " ", "é", "<cos:x/>"])) + document[at + 1 :]
    try:
        read = xml.read(cos.GetDataResult, parse(changed.encode()))
    except XmlError:
        return
    if read.data is not None:
        assert Data.decode(read.data.octets) == read.data


def test_a_request_without_a_header_is_refused() -> None:
    with pytest.raises(XmlError, match="mes:Header missing"):
        xml.read(RequestMessage, parse(f'<RequestMessage xmlns="{MES}"/>'.encode()))
