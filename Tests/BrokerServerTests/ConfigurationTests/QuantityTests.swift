import Testing

@testable import BrokerServer

@Suite struct QuantityTests {
    @Test(arguments: [
        ("0", 0), ("1", 1), ("4096", 4096), ("10_000", 10_000), ("12B", 12),
        ("1KiB", 1024), ("16MiB", 16 << 20), ("16 MiB", 16 << 20), ("3GiB", 3 << 30), ("2TiB", 2 << 40),
    ])
    func readsSizes(text: String, bytes: Int) throws {
        #expect(try Quantity.bytes(text) == bytes)
    }

    @Test(arguments: [
        ("", "not a number"), ("MiB", "not a number"), ("_1", "not a number"), ("-1", "negative"),
        ("1.5GiB", "whole number"), ("1MB", "use KiB, MiB, GiB or TiB"), ("1mib", "use KiB, MiB, GiB or TiB"),
        ("99999999999999999999", "too large"), ("9000000TiB0", "use KiB"), ("9223372036854775807KiB", "too large"),
        ("٣", "not a number"),
    ])
    func refusesSizes(text: String, part: String) {
        let mistake = #expect(throws: ValueMistake.self) { try Quantity.bytes(text) }
        #expect(mistake?.message.contains(part) == true)
    }

    @Test(arguments: [
        ("0s", Duration.zero), ("20us", .microseconds(20)), ("500ms", .milliseconds(500)), ("5s", .seconds(5)),
        ("2m", .seconds(120)), ("1h", .seconds(3600)), ("7d", .seconds(7 * 86_400)),
    ])
    func readsDurations(text: String, duration: Duration) throws {
        #expect(try Quantity.duration(text) == duration)
    }

    @Test(arguments: [
        ("5", "has no unit: write 5ms, 5s, 5m or 5h"), ("0", "has no unit"), ("5 sec", "use us, ms, s, m, h or d"),
        ("5ns", "use us, ms, s, m, h or d"), ("1.5s", "smaller unit"), ("-5s", "negative"), ("soon", "not a number"),
        ("9223372036854775807d", "too large"),
    ])
    func refusesDurations(text: String, part: String) {
        let mistake = #expect(throws: ValueMistake.self) { try Quantity.duration(text) }
        #expect(mistake?.message.contains(part) == true)
    }

    @Test(arguments: [0, 1, 1023, 1024, 1536, 1 << 20, 5 << 30, Int.max])
    func writesSizesThatItReads(bytes: Int) throws {
        #expect(try Quantity.bytes(Quantity.text(bytes: bytes)) == bytes)
    }

    @Test(arguments: [0, 1, 999, 1000, 1500, 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000, 86_400_000_001])
    func writesDurationsThatItReads(microseconds: Int) throws {
        let duration = Duration.microseconds(microseconds)
        #expect(try Quantity.duration(Quantity.text(duration)) == duration)
    }

    @Test func choosesTheLargestUnit() {
        #expect(Quantity.text(bytes: 16 << 20) == "16MiB")
        #expect(Quantity.text(.seconds(7200)) == "2h")
        #expect(Quantity.text(.milliseconds(1500)) == "1500ms")
        #expect(Quantity.text(.microseconds(1500)) == "1500us")
    }
}
