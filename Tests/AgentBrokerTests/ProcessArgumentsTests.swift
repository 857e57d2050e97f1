import Testing

@testable import agent_broker

@Suite struct ProcessArgumentsTests {
    @Test(
        arguments: [
            [],
            Array("plain".utf8),
            Array("größe 🙂".utf8),
            [0xff, 0xfe, 0x80],
            [0x61, 0xc3],  // a sequence that breaks off
            [0xc3, 0x61, 0xc3, 0xbc],
            [0xed, 0xa0, 0x80],  // a surrogate
            [0xf4, 0x8f, 0xbf, 0xbf],  // U+10FFFF, of the area that stands for bytes
            [0xf4, 0x8f, 0xbc, 0x80, 0x78],
            [0xc0, 0xaf],  // longer than it has to be
        ] as [[UInt8]]
    )
    func everyByteComesBack(bytes: [UInt8]) {
        let text = ProcessArguments.text(bytes)
        #expect(ProcessArguments.bytes(text) == bytes)
        #expect(ByteArgument(argument: text).bytes == bytes)
    }

    @Test func textStaysReadable() {
        #expect(ProcessArguments.text(Array("--key=größe".utf8)) == "--key=größe")
    }

    @Test func differentBytesStayDifferent() {
        let texts = (0...255).map { ProcessArguments.text([UInt8($0)]) }
        #expect(Set(texts).count == 256)
    }
}
