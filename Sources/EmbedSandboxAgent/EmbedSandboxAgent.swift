import Foundation
import PackagePlugin

/// Builds the agent of the sandbox, a static C program, and embeds it in the module as text: the broker stays one file
/// to deploy, and finds its agent wherever it runs.
@main
struct EmbedSandboxAgent: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: Target) throws -> [Command] {
        let package = context.package.directoryURL
        let sources = package.appending(path: "Sources/sandbox-agent")
        let headers = package.appending(path: "Sources/CLinux/include")
        let files = try FileManager.default.contentsOfDirectory(at: sources, includingPropertiesForKeys: nil)
            .sorted { $0.path() < $1.path() }
        let program = context.pluginWorkDirectoryURL.appending(path: "sandbox-agent")
        let generated = context.pluginWorkDirectoryURL.appending(path: "SandboxAgentProgram.swift")
        let script = """
            set -e
            "$(command -v cc || command -v clang)" -std=gnu17 -Wall -Wextra -Werror -Os -s -static \
                -I "$1" -o "$2" "$4"/*.c
            {
                echo '/// The program of Sources/sandbox-agent, in base64.'
                printf 'let sandboxAgentProgram: StaticString = "'
                base64 -w 0 "$2"
                echo '"'
            } > "$3"
            """
        return [
            .buildCommand(
                displayName: "Building the sandbox's agent",
                executable: URL(filePath: "/bin/sh"),
                arguments: ["-c", script, "sh", headers.path(), program.path(), generated.path(), sources.path()],
                inputFiles: files
                    + ["CLinuxSandboxAgent.h", "../turns.h"].map { headers.appending(path: $0).standardized },
                outputFiles: [generated]
            )
        ]
    }
}
