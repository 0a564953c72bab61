/*
 * The tests' main: runs a file's suite under CUnit, counts the library's allocations, fibers,
 * reports and misuse.
 *
 *     test_team                 every test
 *     test_team NAME ...        those whose name contains one of these
 */
#include "harness.h"
#include <CUnit/Basic.h>
#include <stdatomic.h>
#include <time.h>
#include <twine/base/fiber_internal.h>
#include <twine/base/memory_internal.h>
#include <twine/deferred/deferred_internal.h>
#include <twine/reactor/calls_from_threads_internal.h>
#include <twine/threads/executor_internal.h>
#include <unistd.h>

#define MAX_TESTS 512
#define MAX_REPORTS 64

static struct {
    const char *name;
    void (*test)(void);
    bool sweep;
} tests[MAX_TESTS];
static int test_count;

static atomic_long live;
static atomic_long countdown; /* allocations until one fails; 0 or less: none does */
static atomic_bool failed_one;
static bool persistent;

static struct harness_report reports[MAX_REPORTS];
static _Thread_local int reports_before; /* the misuse that is provoked */
static atomic_int report_count;
static int expected_reports;

void harness_add(const char *name, void (*test)(void))
{
    if (test_count == MAX_TESTS)
        abort();
    tests[test_count].name = name;
    tests[test_count++].test = test;
}

void harness_add_sweep(const char *name, void (*scenario)(void))
{
    harness_add(name, scenario);
    tests[test_count - 1].sweep = true;
}

/* --- memory ----------------------------------------------------------------------------------- */

static bool must_fail(void)
{
    long left;
    if (atomic_load(&countdown) <= 0)
        return false;
    left = atomic_fetch_sub(&countdown, 1);
    if (left > 1)
        return false;
    if (persistent)
        atomic_store(&countdown, 1);
    atomic_store(&failed_one, true);
    return true;
}

static void *count_malloc(size_t size)
{
    void *memory = must_fail() ? NULL : malloc(size);
    if (memory)
        atomic_fetch_add(&live, 1);
    return memory;
}

static void *count_realloc(void *old, size_t size)
{
    void *memory = must_fail() ? NULL : realloc(old, size);
    if (memory && !old)
        atomic_fetch_add(&live, 1);
    return memory;
}

static void count_free(void *memory)
{
    if (memory)
        atomic_fetch_sub(&live, 1);
    free(memory);
}

bool harness_failed_one(void)
{
    return atomic_load(&failed_one);
}

long harness_live(void)
{
    return atomic_load(&live);
}

/* --- reports ---------------------------------------------------------------------------------- */

static void take_report(enum tw_report_level level, const char *text, struct tw_failure *failure,
                        void *arg)
{
    int index = atomic_fetch_add(&report_count, 1);
    (void)arg;
    if (index >= MAX_REPORTS)
        return;
    reports[index].level = level;
    snprintf(reports[index].text, sizeof reports[index].text, "%s", text);
    reports[index].kind = tw_failure_kind(failure);
    reports[index].code = tw_failure_code(failure);
}

int harness_reports(void)
{
    return atomic_load(&report_count);
}

const struct harness_report *harness_report(int index)
{
    return &reports[index];
}

void harness_expect_reports(int count)
{
    expected_reports += count;
}

void harness_misuse_begin(void)
{
    reports_before = harness_reports();
    unsetenv("TWINE_ABORT_ON_MISUSE");
    expected_reports++;
}

void harness_misuse_end(void)
{
    setenv("TWINE_ABORT_ON_MISUSE", "1", 1);
}

void harness_misuse_names(const char *call)
{
    int i, last = harness_reports() < MAX_REPORTS ? harness_reports() : MAX_REPORTS;
    const char *text = NULL;
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(call, "("), call);
    for (i = reports_before; i < last && !(text && strstr(text, name)); i++)
        if (reports[i].level == TW_REPORT_MISUSE)
            text = reports[i].text;
    if (!text || strncmp(name, "tw_", 3) != 0 || strstr(text, name))
        return;
    CU_FAIL("a misuse is reported with the name of the function that was called");
    printf("\n    %s was called, and reported as: %s\n", name, text);
}

/* --- small things ----------------------------------------------------------------------------- */

uint64_t harness_seed(void)
{
    static uint64_t seed;
    if (!seed) {
        const char *given = getenv("TWINE_SEED");
        seed =
            given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
        printf("\nseed: TWINE_SEED=%llu\n", (unsigned long long)seed);
    }
    return seed;
}

uint64_t harness_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

bool harness_long(void)
{
    const char *value = getenv("TWINE_LONG");
    return value && value[0] == '1';
}

void count_destroy(void *counter)
{
    ++*(int *)counter;
}

/* --- running ---------------------------------------------------------------------------------- */

static long live_before;
static size_t stacks_before;

static void before_each(void)
{
    atomic_store(&report_count, 0);
    expected_reports = 0;
    live_before = atomic_load(&live);
    tw__fiber_statistics(NULL, &stacks_before);
}

static void check_after(void)
{
    int i, seen = atomic_load(&report_count);
    size_t stacks;
    CU_ASSERT_EQUAL(seen, expected_reports);
    for (i = 0; seen != expected_reports && i < seen && i < MAX_REPORTS; i++)
        printf("\n    report: %s\n", reports[i].text);
    if (harness_threads)
        return;
    CU_ASSERT_EQUAL(atomic_load(&live), live_before);
    tw__fiber_statistics(NULL, &stacks);
    CU_ASSERT_EQUAL(stacks, stacks_before);
}

static int running; /* the index of the test that runs */

static void run_once(void)
{
    before_each();
    tests[running].test();
    atomic_store(&countdown, 0);
    check_after();
}

static void run_sweep(void)
{
    long n;
    int mode;
    run_once();
    for (mode = 0; mode < 2; mode++) {
        for (n = 1;; n++) {
            atomic_store(&failed_one, false);
            persistent = mode == 1;
            atomic_store(&countdown, n);
            run_once();
            if (!atomic_load(&failed_one))
                break;
        }
        if (n == 1)
            printf("\n    nothing allocates here\n");
    }
    atomic_store(&failed_one, false);
}

static void run_test(void)
{
    if (tests[running].sweep)
        run_sweep();
    else
        run_once();
}

static bool is_chosen(int index, int argc, char **argv)
{
    int i;
    if (argc < 2)
        return true;
    for (i = 1; i < argc; i++)
        if (strstr(tests[index].name, argv[i]))
            return true;
    return false;
}

static int chosen[MAX_TESTS], chosen_count, next_chosen;

static void run_next(void)
{
    running = chosen[next_chosen++];
    run_test();
}

int main(int argc, char **argv)
{
    CU_pSuite suite;
    unsigned failures;
    int i;
    setvbuf(stdout, NULL, _IONBF, 0); /* so that a test that hangs is known by name */
    tw_memory_set_functions(count_malloc, count_realloc, count_free);
    tw__memory_set_must_fail(must_fail);
    tw_report_set_handler(take_report, NULL);
    setenv("TWINE_ABORT_ON_MISUSE", "1", 1);
    tw__deferred_keep_spares(0); /* what is kept, in release, would count as leaked */
    tw__executor_keep_spares(0);
    tw__calls_set_chunk_size(1);
    if (CU_initialize_registry() != CUE_SUCCESS ||
        !(suite = CU_add_suite(harness_suite, NULL, NULL)))
        return 2;
    for (i = 0; i < test_count; i++) {
        if (!is_chosen(i, argc, argv))
            continue;
        chosen[chosen_count++] = i;
        if (!CU_add_test(suite, tests[i].name, run_next))
            return 2;
    }
    CU_basic_set_mode(CU_BRM_VERBOSE);
    CU_basic_run_tests();
    failures = CU_get_number_of_failures();
    printf("%s: %u passed, %u failed\n", harness_suite,
           CU_get_number_of_tests_run() - CU_get_number_of_tests_failed(),
           CU_get_number_of_tests_failed());
    if (!chosen_count)
        fprintf(stderr, "%s: no test matched\n", harness_suite);
    CU_cleanup_registry();
    return failures || !chosen_count ? 1 : 0;
}
