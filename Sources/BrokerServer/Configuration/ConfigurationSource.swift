package import AgentBackend

/// Where a broker's configuration comes from, so that it can be read again: a file, and what goes over it. A value.
package struct ConfigurationSource: Sendable {
    /// Goes over the file: flags of the command line.
    package typealias Overrides = @Sendable (inout BrokerConfiguration) throws(BackendError) -> Void

    /// Absolute, or relative to the working directory, which a broker never changes.
    package let path: String
    /// What counts for keys that are not in the file. The same at every reading, whatever became of the environment.
    private let defaults = BrokerConfiguration()
    private let overrides: Overrides

    package init(path: String, overrides: @escaping Overrides = { _ in }) {
        self.path = path
        self.overrides = overrides
    }

    /// A configuration as it was read.
    package struct Reading: Sendable {
        fileprivate let source: ConfigurationSource
        /// What the file says alone.
        fileprivate let file: BrokerConfiguration
        /// With what goes over it.
        package let configuration: BrokerConfiguration
    }

    /// Reads it. Blocks. Throws `INVALID_CONFIGURATION` with all that is wrong, each with its line.
    package func read() throws(BackendError) -> Reading {
        try read(replacing: nil)
    }

    fileprivate func read(replacing running: BrokerConfiguration?) throws(BackendError) -> Reading {
        let file = try BrokerConfiguration.load(from: path, over: defaults, replacing: running)
        var configuration = file
        try overrides(&configuration)
        try configuration.validate()
        return Reading(source: self, file: file, configuration: configuration)
    }
}

extension ConfigurationSource.Reading {
    /// Reads it again, for a broker that runs by this. Blocks. Throws as ``ConfigurationSource/read()``, and for what
    /// counts at the start of a broker alone and is not the same.
    func again() throws(BackendError) -> ConfigurationSource.Reading {
        try source.read(replacing: file)
    }
}
