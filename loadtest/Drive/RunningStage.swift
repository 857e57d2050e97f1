/// What goes on in a stage.
struct RunningStage {
    let load: StageLoad
    var clock: StageClock
    var churn: ArrivalSchedule?
    /// Of a closed loop: a connection for each place without a call.
    var free: [Int] = []
    /// By org.
    var preparation: [Int: [Call]] = [:]
    var touched = 0

    init(_ load: StageLoad, connections: Int, mostUnanswered: Int) {
        self.load = load
        clock = StageClock(load, connections: connections, mostUnanswered: mostUnanswered)
        if load.churn > 0 {
            churn = ArrivalSchedule(
                from: load.churn,
                to: load.churn,
                duration: load.duration,
                arrivals: .poisson,
                seed: ~load.seed
            )
        }
    }
}
