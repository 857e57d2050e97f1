extension ToolServer {
    /// Has a request answered, and tells the mailbox of its progress and its end. Returns once nothing of it goes on.
    /// Cancelling the task calls it off.
    ///
    /// - Parameters:
    ///   - calledOff: Ends it without an answer.
    ///   - pingInterval: Between two words of a request that goes on. Nil: none are needed.
    package func perform(
        _ request: RPCRequest,
        _ version: ProtocolVersion,
        in context: ToolContext,
        calledOff: Occurrence,
        telling mailbox: AnswerMailbox,
        pingInterval: Duration? = nil
    ) async {
        var context = context
        if request.progressToken != nil { context.progress = { mailbox.tell($0) } }
        await withTaskGroup(of: Bool.self) { [context] group in
            group.addTask {
                mailbox.end(.answer(await answer(request, version, in: context)))
                return true
            }
            group.addTask {
                guard await calledOff.wait() else { return false }
                mailbox.end(.cancelled)
                return true
            }
            if let pingInterval {
                group.addTask {
                    while (try? await context.clock.sleep(for: pingInterval)) != nil { mailbox.ping() }
                    return false
                }
            }
            for await isOver in group where isOver { group.cancelAll() }
        }
    }
}
