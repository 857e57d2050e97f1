internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// Frames that are no calls, and cost as much: they are paid for by their org's calls per second. Who owes for more than
/// there are is not listened to until that is paid.
extension ConnectionHandler {
    /// Asked for each frame.
    func pay(for frame: ClientFrame) {
        guard session != nil, isCharged(frame) else { return }
        allowance.calls -= 1
    }

    private func isCharged(_ frame: ClientFrame) -> Bool {
        switch frame.body {
        case .call: return false
        // It moves bytes, which are paid for, or is the one last frame of its call.
        case .chunk: return frame.payload.readableBytes < Self.smallChunk && !frame.last
        case .cancel(let call): return calls[call] == nil
        case .window:
            guard freeWindows > 0 else { return true }
            freeWindows -= 1
            return false
        case .hello, .ping, .pong, .goAway, .unknown: return true
        }
    }

    /// Payload was sent: the peer is expected to give credit for it, to the connection and to the stream.
    func expectCredit() {
        freeWindows = min(freeWindows + 2, Self.maximumFreeWindows)
    }

    /// What is owed has to be paid first.
    func pause(owing time: Duration) {
        guard debtTimeout == nil, !hasEnded else { return }
        isPaused = true
        debtTimeout = eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(min(time, .seconds(1)))) { [self] in
            debtTimeout = nil
            guard let session else { return }
            // That nobody listens is not the peer's silence.
            keepalive.heard()
            let rest = settings.admission.callDebt(of: session.org)
            if rest > .zero { pause(owing: rest) } else { resumeReceiving() }
        }
    }

    /// Bytes of a chunk: a shorter one costs more than it brings.
    private static var smallChunk: Int { 1 << 10 }
    private static var maximumFreeWindows: Int { 4096 }
}
