// The fuzzer of the wire: libFuzzer around `WireProbe`. Built and run by Tests/Fuzz/run, with its own options:
// https://llvm.org/docs/LibFuzzer.html

internal import Glibc
internal import WireFuzzing

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// libFuzzer calls from one thread.
nonisolated(unsafe) private let probe = WireProbe()

private func check(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        _ = try probe.check(UnsafeBufferPointer(start: start, count: count))
        return 0
    } catch {
        // The fuzzer keeps the input of a process that dies.
        fatalError("\(error)")
    }
}

private var count = CommandLine.argc
private var arguments = CommandLine.unsafeArgv
exit(runDriver(&count, &arguments) { check($0, $1) })
