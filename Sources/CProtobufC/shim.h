#include <protobuf-c/protobuf-c.h>

#include "arena.h"
#include "views.h"
