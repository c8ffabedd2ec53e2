"""The house as data: which folders exist, which are pure, what each may include, and every limit.

Whoever adds a folder adds its row here and in docs/ARCHITECTURE.md; everything else in tidylib is mechanism.
"""

# --- sizes -----------------------------------------------------------------------------------------------------------
FILE_LINES_MAX = 900
FILE_LINES_MEDIAN = 200
FUNCTION_LINES_MAX = 70
FUNCTION_LINES_USUAL = 45
FUNCTION_USUAL_SHARE = 0.90

ASSERTS_PER_1000 = 30
ASSERTS_PER_1000_CORE = 60
DENSITY_FROM_LINES = 150  # a folder with fewer lines of .c is too young to be measured

# --- folders ---------------------------------------------------------------------------------------------------------
CORES = (
    "controller/raft",
    "controller/state",
    "broker/replica",
    "broker/group",
    "broker/txn",
)
PURE = CORES + (
    "broker/assign",
    "common/base",
    "common/wire",
    "common/meta",
    "common/auth",
    "common/config",
    "common/trace",
    "common/metrics",
)
HOST = "common/host"
PRODUCT = ("broker", "controller", "common", "proto", "cli")
TESTS = "tests"

# --- what may include what -------------------------------------------------------------------------------------------
# A word is a folder (all its headers) or one header. The own folder and the stones' own words are added by the checker:
# common/base may be included everywhere. "kmsg" and "proto" stand for generated headers ("kmsg/...", "proto/...").
KAFKA_ERROR = "common/wire/kafka_error.h"
LOCK = "common/port/lock.h"
WIRE = ("common/wire", "kmsg")
TALK = ("common/trace", "common/metrics")  # log lines and counters: for engines and shells, never for cores
COMMON_BUT_HOST = WIRE + TALK + (
    "common/port",
    "common/codec",
    "common/config",
    "common/meta",
    "common/meta/codec",
    "common/auth",
    "common/log",
    "common/client",
    "common/rpc",
    "proto",
)

ARROWS = {
    "common/base": (),
    "common/wire": ("kmsg",),
    "common/port": (),
    "common/codec": (),
    "common/config": (),
    "common/trace": (),
    "common/metrics": (),
    "common/meta": (KAFKA_ERROR,),
    "common/meta/codec": (KAFKA_ERROR, "common/meta", "proto"),
    "common/auth": (KAFKA_ERROR,),
    "common/log": WIRE + TALK + ("common/codec", "common/port", "common/config"),
    "common/client": WIRE + TALK + ("common/codec", "common/port", "common/config"),
    "common/rpc": WIRE + TALK + ("common/port", "proto"),
    "controller/raft": (),
    "controller/state": ("common/meta", "common/auth", "common/config", KAFKA_ERROR),
    "broker/replica": (KAFKA_ERROR,),
    "broker/assign": (),
    "broker/group": (KAFKA_ERROR, "kmsg", "common/meta", "broker/assign"),
    "broker/txn": (KAFKA_ERROR, "kmsg", "common/meta"),
    "broker/meta": WIRE + TALK + ("common/meta", "common/meta/codec", "common/rpc", "common/port"),
    "broker/partition": WIRE + TALK + (
        "broker/replica", "common/log", "common/codec", "common/client", "common/config", "common/meta", "broker/meta",
        "common/port", LOCK,
    ),
    "broker/coord": WIRE + TALK + (
        "broker/group", "broker/txn", "broker/partition", "common/codec", "common/meta", "broker/meta", "common/port", LOCK,
    ),
    "broker/edge": WIRE + TALK + ("common/auth", "common/meta", "common/port"),
    "broker/api": WIRE + TALK + (
        "broker/edge/request.h", "broker/edge/park.h", "broker/partition", "broker/coord", "broker/meta", "common/meta",
        "common/auth", "common/codec", "common/config",
    ),
    "controller/node": COMMON_BUT_HOST + ("controller/raft", "controller/state"),
    "broker/node": COMMON_BUT_HOST + (
        "broker/replica", "broker/assign", "broker/group", "broker/txn", "broker/meta", "broker/partition", "broker/coord", "broker/edge",
        "broker/api",
    ),
    "common/host": ("common/port",) + TALK + (LOCK,),
    "cli": WIRE + ("common/client", "common/config", "common/meta", "common/port"),
    "common/main": ("common/config", "common/trace", "common/port", HOST),
    "broker/main.c": ("broker/node", "common/main", "common/config", "common/trace", HOST),
    "controller/main.c": ("controller/node", "common/main", "common/config", "common/trace", HOST),
    "cli/main.c": WIRE + ("cli", "common/client", "common/config", "common/meta", "common/port", HOST),
    "proto": (),
}
# Locks make monitors; a monitor lives in one of these rooms and nowhere else.
LOCK_ROOMS = ("broker/partition", "broker/coord", "common/host", "common/port")

# --- headers from outside the tree -----------------------------------------------------------------------------------
C_HEADERS = frozenset(
    "assert ctype errno float inttypes limits math stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib string"
    " stdnoreturn strings immintrin nmmintrin wmmintrin x86intrin cpuid arm_acle arm_neon endian byteswap".split()
)
LIBRARY_HEADERS = {  # first part of the name -> the rooms that may know the library
    "event2": ("common/host",),
    "event.h": ("common/host",),
    "openssl": ("common/host",),
    "zlib.h": ("common/codec",),
    "lz4.h": ("common/codec",),
    "lz4hc.h": ("common/codec",),
    "lz4frame.h": ("common/codec",),
    "lz4frame_static.h": ("common/codec",),
    "zstd.h": ("common/codec",),
    "zstd_errors.h": ("common/codec",),
    "snappy-c.h": ("common/codec",),
    "pcre2.h": ("broker/coord",),
    "protobuf-c": ("common/meta/codec", "common/rpc", "proto"),
}
OS_HEADER_ROOMS = ("common/host", "common/main", "cli", "cli/main.c", "broker/main.c", "controller/main.c")

# --- calls -----------------------------------------------------------------------------------------------------------
def _words(text):
    return frozenset(text.split())


BANNED_EVERYWHERE = {
    "strcpy": "use snprintf, or memcpy with a checked length",
    "strncpy": "use snprintf, or memcpy with a checked length",
    "stpcpy": "use snprintf, or memcpy with a checked length",
    "strcat": "use snprintf, or memcpy with a checked length",
    "strncat": "use snprintf, or memcpy with a checked length",
    "sprintf": "use snprintf",
    "vsprintf": "use vsnprintf",
    "gets": "read with a bound",
    "strtok": "use strchr or a slice",
    "atoi": "parse with a range check",
    "atol": "parse with a range check",
    "atoll": "parse with a range check",
    "atof": "parse with a range check",
    "alloca": "take it from an arena",
    "setjmp": "return an err_t",
    "longjmp": "return an err_t",
    "sigsetjmp": "return an err_t",
    "siglongjmp": "return an err_t",
    "tmpnam": "use mkdtemp",
    "mktemp": "use mkdtemp",
    "gmtime": "use gmtime_r",
    "localtime": "use localtime_r",
}
MEMORY_CALLS = _words(
    "malloc calloc realloc reallocarray free strdup strndup asprintf vasprintf posix_memalign aligned_alloc memalign"
    " valloc getline getdelim open_memstream qsort qsort_r"
)
OUTSIDE_CALLS = _words(
    # clocks and sleep
    "time gettimeofday clock clock_gettime clock_nanosleep localtime_r gmtime_r mktime nanosleep usleep sleep alarm"
    # chance
    " rand rand_r srand random srandom drand48 lrand48 arc4random getrandom getentropy RAND_bytes"
    # terminals and streams
    " printf vprintf fprintf vfprintf dprintf puts putchar putc fputs fputc fwrite fread fopen fdopen freopen fclose"
    " fflush fgets fseek perror scanf fscanf"
    # environment and process
    " getenv secure_getenv setenv exit _exit quick_exit atexit fork vfork execv execve execvp system popen kill raise"
    " signal sigaction waitpid"
    # files
    " open openat creat close read write pread pwrite readv writev preadv pwritev preadv2 pwritev2 fsync fdatasync"
    " sync_file_range fallocate posix_fallocate unlink unlinkat rename renameat mkdir mkdirat rmdir stat fstat lstat"
    " lseek truncate ftruncate opendir readdir mmap munmap msync flock fcntl ioctl sendfile splice"
    # sockets and loops
    " socket bind listen accept accept4 connect send sendto sendmsg recv recvfrom recvmsg shutdown setsockopt"
    " getsockopt getaddrinfo poll ppoll select epoll_create1 epoll_ctl epoll_wait eventfd timerfd_create pipe pipe2"
    # threads
    " pthread_create pthread_join pthread_mutex_init pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait"
    " pthread_cond_timedwait pthread_cond_signal pthread_once pthread_key_create pthread_self sem_init sem_wait"
    " sem_post mtx_lock mtx_unlock thrd_create"
)
PURE_ONLY_CALLS = MEMORY_CALLS | _words("sscanf strftime strerror strerror_r strsignal abort setlocale")
# Rooms that may reach outside without a door: the host itself, the command line tool, and the programs' first lines.
OUTSIDE_ROOMS = ("common/host", "common/main", "cli", "broker/main.c", "controller/main.c")

# --- symbols that a pure archive may need from outside the pure archives -----------------------------------------------
PURE_SYMBOLS = _words(
    "memcpy memmove memset memcmp memchr memrchr memmem mempcpy strlen strnlen strcmp strncmp strcasecmp strncasecmp"
    " strchr strchrnul strrchr strstr strspn strcspn strpbrk strtol strtoul strtoll strtoull strtod"
    " snprintf vsnprintf bcmp"
    " __memcpy_chk __memmove_chk __memset_chk __mempcpy_chk __snprintf_chk __vsnprintf_chk"
    " __isoc99_strtol __isoc99_strtoul __isoc23_strtol __isoc23_strtoul __isoc23_strtoll __isoc23_strtoull"
    " __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_ __errno_location"
    " __cpu_model __cpu_features2 __cpu_indicator_init __popcountdi2 __divti3 __modti3 __udivti3 __umodti3 __multi3 __clzdi2 __ctzdi2"
    " floor ceil round trunc fabs fmod sqrt pow exp exp2 log log2 log10 ldexp frexp"
)
PROTOBUF_ROOM = "common/meta/codec"
