// Both together: what differs does not compile.
#include "CArchive.h"

#include <archive.h>
#include <archive_entry.h>

_Static_assert(ARCHIVE_IS_AT_END == ARCHIVE_EOF, "archive.h");
_Static_assert(ARCHIVE_IS_OK == ARCHIVE_OK, "archive.h");
_Static_assert(ARCHIVE_WARNS == ARCHIVE_WARN, "archive.h");
