import AgentBackend
import Foundation
import Testing

@testable import BrokerServer

@Suite struct TokenTests {
    private static let id = "0123456789abcdef"
    private static let secret = String(repeating: "7", count: 64)

    @Test func generatesWhatItReads() throws {
        let token = Token.generate()
        let read = try #require(Token(token.text))
        #expect(read.id == token.id)
        #expect(read.text == token.text)
        #expect(token.text.utf8.count == Token.length)
        #expect(token.text.hasPrefix("ab_\(token.id)_"))
    }

    @Test func takesAllItsBitsFromTheGenerator() {
        struct Counting: RandomNumberGenerator {
            var words: UInt64 = 0
            mutating func next() -> UInt64 {
                words += 1
                return words
            }
        }
        var generator = Counting()
        let token = Token.generate(using: &generator)
        // 64 bits of id and 256 of secret, each word used once.
        #expect(generator.words == 5)
        let words = (1...5).map { "000000000000000\($0)" }
        #expect(token.text == "ab_\(words[0])_\(words[1...].joined())")
    }

    @Test func noTwoAreAlike() {
        let tokens = (0..<1000).map { _ in Token.generate() }
        #expect(Set(tokens.map(\.id)).count == 1000)
        #expect(Set(tokens.map(\.text)).count == 1000)
    }

    @Test(arguments: [
        "", "ab_", "ab_\(id)", "ab_\(id)_", "ab_\(id)_\(secret)7", "ab_\(id)_\(secret.dropLast())",
        "ab-\(id)_\(secret)", "ab_\(id)-\(secret)", "AB_\(id)_\(secret)", "ab_\(id.uppercased())_\(secret)",
        "ab_\(id)_\(String(repeating: "F", count: 64))", "ab_\(id)_\(String(repeating: "_", count: 64))",
        " ab_\(id)_\(secret.dropLast())", "ab_\(id.dropLast())é_\(secret.dropLast())",
    ])
    func refusesWhatIsNone(text: String) {
        #expect(Token(text) == nil)
    }

    @Test func theHashIsTheSHA256OfTheWholeText() {
        // printf %s 'ab_0123456789abcdef_777…' | sha256sum
        let token = Token("ab_\(Self.id)_\(Self.secret)")
        #expect(token?.hash.hexadecimal == "c858422c7494573b468cb0d9416acc9b29c2bb6845b2f445835aeb07553d5f28")
    }

    @Test func showsItsSecretNowhere() throws {
        let token = try #require(Token("ab_\(Self.id)_\(Self.secret)"))
        var dumped = ""
        dump(token, to: &dumped)
        let issued = try IssuedToken(org: "acme", name: "ci", token: token)
        dump(issued, to: &dumped)
        let shown = [
            "\(token)", String(reflecting: token), dumped, "\(issued)", String(reflecting: issued), "\([token])",
        ]
        for text in shown {
            #expect(!text.contains(Self.secret))
            #expect(text.contains(Self.id))
        }
        #expect("\(token)" == "ab_\(Self.id)_…")
    }

    @Test(arguments: [
        "", "ab", String(repeating: "A", count: 64), String(repeating: "a", count: 63),
        String(repeating: "a", count: 66), String(repeating: "g", count: 64),
    ])
    func refusesWhatIsNoHash(text: String) {
        #expect(TokenHash(hexadecimal: text) == nil)
    }

    @Test func hashesMatchWhenAllBytesDo() throws {
        let text = String(repeating: "5a", count: 32)
        let hash = try #require(TokenHash(hexadecimal: text))
        #expect(hash.hexadecimal == text)
        #expect(hash.matches(hash))
        for index in 0..<64 {
            var other = Array(text)
            other[index] = "0"
            #expect(!hash.matches(try #require(TokenHash(hexadecimal: String(other)))))
        }
    }
}
