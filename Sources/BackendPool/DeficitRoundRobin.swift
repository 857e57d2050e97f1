/// Whose turn it is among those that want more of something than there is.
///
/// Deficit round robin where everything costs one: in each round a member is granted as many as its weight says. Who
/// joins and has not had its turn in the present round still gets it there, before the next round: so a member that
/// seldom wants something waits for nobody who wants much. A turn that is not used by the end of its round is lost.
/// Members are small numbers; every step takes constant time.
package struct DeficitRoundRobin {
    /// What a member has been granted.
    struct Turn {
        var round: UInt64 = 0
        /// Grants that it has left in that round.
        var left = 0
    }

    /// Members that have something left of their turn in this round.
    private(set) var current = IndexList()
    /// Those that have had it.
    private(set) var next = IndexList()
    private(set) var links = IndexLinks()
    private(set) var turns: [Turn] = []
    private(set) var round: UInt64 = 1

    package init() {}

    /// Makes room for the members below `count`.
    package mutating func grow(to count: Int) {
        links.grow(to: count)
        while turns.count < count {
            turns.append(Turn())
        }
    }

    /// The member whose turn it is.
    package var first: Int? { current.first ?? next.first }

    /// `member` must not be in the ring.
    package mutating func join(_ member: Int) {
        if hasHadTurn(member) {
            links.append(member, to: &next)
        } else {
            links.append(member, to: &current)
        }
    }

    /// `member` must be in the ring.
    package mutating func leave(_ member: Int) {
        if hasHadTurn(member) {
            links.remove(member, from: &next)
        } else {
            links.remove(member, from: &current)
        }
    }

    /// The first member, which has this weight, is granted one.
    package mutating func grant(weight: Int) {
        if current.isEmpty {
            swap(&current, &next)
            round &+= 1
        }
        guard let member = current.first else { return }
        if turns[member].round != round {
            turns[member] = Turn(round: round, left: weight)
        }
        turns[member].left -= 1
        if turns[member].left <= 0 {
            links.remove(member, from: &current)
            links.append(member, to: &next)
        }
    }

    /// A member was granted one while nobody wanted more than there was: it is the others' turn.
    package mutating func grantUnasked(_ member: Int) {
        guard current.isEmpty, next.isEmpty else { return }
        round &+= 1
        turns[member] = Turn(round: round, left: 0)
    }

    func hasHadTurn(_ member: Int) -> Bool { turns[member].round == round && turns[member].left <= 0 }
}
