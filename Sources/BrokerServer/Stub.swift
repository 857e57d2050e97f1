import Crypto
import Yams
import ServiceLifecycle
import Logging
import NIOPosix
