import Synchronization
import Testing

@testable import AgentBackend

@Suite struct CommandSafetyTests {
    @Test func saysWhatIsWrongWithWhichCommand() {
        let error = #expect(throws: BackendError.self) { try CommandSafety().check(.shell("sudo rm -rf /")) }
        #expect(error?.code == .dangerousOperation)
        #expect(error?.operation == "exec")
        #expect(error?.message.contains("removes all of a root") == true)
        #expect(error?.message.contains("sudo rm -rf /;") == true)
        #expect(error?.isRetryable == false)
    }

    @Test func showsABoundedPrintablePartOfTheCommand() {
        let line = "rm -rf / \u{1b}[2J" + String(repeating: "é", count: 100_000)
        let error = #expect(throws: BackendError.self) { try CommandSafety().check(.shell(line)) }
        #expect(error?.message.contains("\\x1b[2J") == true)
        #expect(error?.message.utf8.count ?? .max < 1500)
        let plain = DangerousCommand(
            rule: "",
            reason: "",
            program: .shell(String(repeating: "é", count: 200))
        )
        #expect(plain.text == String(repeating: "é", count: 100) + "…")
        let odd = DangerousCommand(rule: "", reason: "", program: .shell("x" + String(repeating: "é", count: 200)))
        #expect(odd.text == "x" + String(repeating: "é", count: 99) + "…")
    }

    @Test func canBeSwitchedOff() throws {
        let safety = CommandSafety(
            preventsDangerous: false,
            denyPatterns: [.init(name: "any", reason: "is anything", pattern: try RegularExpression(""))]
        )
        try safety.check(.shell("rm -rf /"))
    }

    @Test func allowPatternsOverrideEverything() throws {
        let safety = CommandSafety(
            allowPatterns: [try RegularExpression("^rm -rf \\*$"), try RegularExpression("--force-me")],
            denyPatterns: [.init(name: "push", reason: "pushes", pattern: try RegularExpression("git push"))]
        )
        try safety.check(.shell("rm -rf *"))
        try safety.check(.arguments(["rm", "-rf", "/", "--force-me"].map { Array($0.utf8) }))
        try safety.check(.shell("git push --force-me"))
        #expect(throws: BackendError.self) { try safety.check(.shell("rm -rf *; rm -rf /")) }
    }

    @Test func denyPatternsOfYourOwn() throws {
        let pattern = try RegularExpression("(?i)\\bnpm\\s+publish\\b")
        let safety = CommandSafety(denyPatterns: [.init(name: "publish", reason: "publishes", pattern: pattern)])
        let error = #expect(throws: BackendError.self) { try safety.check(.shell("NPM  publish")) }
        #expect(error?.message.contains("it publishes: NPM  publish;") == true)
        #expect(throws: BackendError.self) { try safety.check(.arguments(["npm", "publish"].map { Array($0.utf8) })) }
        try safety.check(.shell("npm published"))
    }

    @Test func aHandlerDecidesInPlaceOfTheError() throws {
        let asked = Mutex<[String]>([])
        let answering = { @Sendable (decision: CommandSafety.Decision) in
            CommandSafety { command in
                asked.withLock { $0.append(command.rule) }
                return decision
            }
        }
        let command = ExecRequest.Program.shell("rm -rf /; rm -rf ~; shutdown now")
        try answering(.allow).check(command)
        #expect(asked.withLock { $0 } == ["remove-root", "shut-down"])
        #expect(throws: BackendError.self) { try answering(.refuse).check(command) }
        #expect(asked.withLock { $0 } == ["remove-root", "shut-down", "remove-root"])
        try answering(.refuse).check(.shell("ls"))
        #expect(asked.withLock { $0.count } == 3)
    }

    @Test func relativeWordsStartAtTheWorkingDirectory() throws {
        let build = try WorkspacePath("build")
        try CommandSafety().check(.shell("rm -rf *"), in: build)
        #expect(throws: BackendError.self) { try CommandSafety().check(.shell("rm -rf ../*"), in: build) }
        #expect(throws: BackendError.self) { try CommandSafety().check(.shell("rm -rf ../../*"), in: build) }
        #expect(throws: BackendError.self) { try CommandSafety().check(.shell("rm -rf ~"), in: build) }
    }

    @Test func everyRuleIsNamedOnceAndCanBeMet() {
        let names = DangerRule.all.map(\.name)
        #expect(Set(names).count == names.count)
        let met = Set(DangerRuleTests.dangerous.map(\.rule))
        #expect(met == Set(names))
    }
}

extension ExecRequest.Program {
    static func shell(_ line: String) -> Self { .shellLine(Array(line.utf8)) }
}
