/*
 * What one task costs among many idle threads, counted: the system's own count of how often each
 * thread has slept, and the team's count of its wakes.
 */
#include "crowd.h"
#include <dirent.h>
#include <sys/resource.h>

SUITE_WITH_THREADS("pool herd")

/* A sanitizer's threads are heavy, and it switches for purposes of its own. */
enum { THREADS = HARNESS_SANITIZED ? 64 : 1000, TASKS = 1000 };

/* What a task may cost. On the portable path a thread is woken with the park's mutex held, and may
 * have to wait once more for that. */
#if defined(TWINE_PORTABLE)
enum { SWITCHES = 3 };
#else
enum { SWITCHES = 2 };
#endif

static struct tw_statistics books(struct tw_pool *pool)
{
    struct tw_statistics now;
    memset(&now, 0, sizeof now);
    now.size = sizeof now;
    CU_ASSERT_EQUAL(tw_team_statistics(tw_pool_team(pool), &now), 0);
    return now;
}

/* --- what the system says of our threads ------------------------------------------------------ */

struct sleeper {
    long id, sleeps;
};

struct survey {
    struct sleeper threads[THREADS];
    size_t count, asleep;
};

/* One thread of the pool, by its name; others are left out. */
static void survey_one(struct survey *survey, const char *id)
{
    char path[64], line[256], state = '?';
    bool is_ours = false;
    long sleeps = -1;
    FILE *status;
    snprintf(path, sizeof path, "/proc/self/task/%.20s/status", id);
    status = fopen(path, "r");
    if (!status)
        return;
    while (fgets(line, sizeof line, status)) {
        is_ours |= strncmp(line, "Name:\therd-", 11) == 0;
        sscanf(line, "State: %c", &state);
        sscanf(line, "voluntary_ctxt_switches: %ld", &sleeps);
    }
    fclose(status);
    if (!is_ours || survey->count == THREADS)
        return;
    survey->threads[survey->count].id = strtol(id, NULL, 10);
    survey->threads[survey->count++].sleeps = sleeps;
    survey->asleep += state == 'S';
}

static void survey_all(struct survey *survey)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *entry;
    survey->count = survey->asleep = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(tasks);
    while ((entry = readdir(tasks)))
        if (entry->d_name[0] != '.')
            survey_one(survey, entry->d_name);
    closedir(tasks);
}

/* All of them sleep, and stay so: nobody has been asked for anything. */
static void survey_asleep(struct survey *survey)
{
    do
        survey_all(survey);
    while (survey->asleep < THREADS);
}

/* How many have slept anew, so were awake in between. */
static size_t were_awake(const struct survey *before, const struct survey *after)
{
    size_t i, count = 0;
    CU_ASSERT_EQUAL_FATAL(before->count, THREADS);
    CU_ASSERT_EQUAL_FATAL(after->count, THREADS);
    for (i = 0; i < THREADS; i++) { /* the system lists them in the order of their numbers */
        CU_ASSERT_EQUAL(before->threads[i].id, after->threads[i].id);
        count += before->threads[i].sleeps != after->threads[i].sleeps;
    }
    return count;
}

static long switches(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
}

/* --- a pool at rest --------------------------------------------------------------------------- */

static struct tw_pool *start_herd(void)
{
    struct tw_pool_options options = {.size = sizeof options, .name = "herd"};
    struct tw_pool *pool = NULL;
    if (!HARNESS_SANITIZED)
        options.stack_size = 64 * 1024;
    CU_ASSERT_EQUAL_FATAL(tw_pool_new(THREADS, &options, &pool), 0);
    CU_ASSERT_EQUAL_FATAL(tw_team_grow(tw_pool_team(pool), THREADS), 0);
    WAIT_UNTIL(books(pool).idle == THREADS);
    return pool;
}

static void end(struct tw_pool *pool)
{
    tw_pool_quit(pool);
    CU_ASSERT_EQUAL(tw_pool_join(pool, TW_FOREVER), 0);
    tw_pool_unref(pool);
    cache_empty();
}

/* --- the counts ------------------------------------------------------------------------------- */

static void deliver_and_post(struct job *job)
{
    tw_task_delivers(&job->task); /* so that the next one finds this very thread */
    sem_post((sem_t *)job->arg);
}

/* R13: among 1,000 idle threads, a task wakes one, the one last used: the wakes rise by one for
 * each task at most (one that still looks for work comes by itself), no other thread is woken, and
 * it takes two switches at most: this thread waits, that one goes back to sleep. (One in five more
 * is for what the machine does besides.) */
TEST(one_task_wakes_one_thread)
{
    static struct survey before, after;
    static struct job jobs[TASKS];
    struct tw_pool *pool = start_herd();
    uint64_t wakes = books(pool).wakes;
    long switched;
    sem_t done;
    size_t i;
    sem_init(&done, 0, 0);
    jobs_init(jobs, TASKS, deliver_and_post, &done);
    survey_asleep(&before);
    switched = switches();
    for (i = 0; i < TASKS; i++) {
        CU_ASSERT_EQUAL(tw_pool_submit(pool, &jobs[i].task), 0);
        while (sem_wait(&done) != 0)
            ;
    }
    switched = switches() - switched;
    WAIT_FOR(&jobs[TASKS - 1]);
    survey_asleep(&after);
    CU_ASSERT_TRUE(books(pool).wakes - wakes <= TASKS);
    CU_ASSERT_EQUAL(books(pool).idle, THREADS);
    CU_ASSERT_EQUAL(were_awake(&before, &after), 1);
    if (!HARNESS_SANITIZED)
        CU_ASSERT_TRUE(switched <= SWITCHES * TASKS + TASKS / 5);
    printf("\n    %d threads: %.2f switches for each task\n    ", THREADS,
           (double)switched / TASKS);
    end(pool);
    sem_destroy(&done);
}

static void change_and_look(struct tw_pool *pool)
{
    static struct job job;
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, 2 * THREADS), 0);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, THREADS), 0);
    CU_ASSERT_EQUAL(tw_team_grow(tw_pool_team(pool), 0), 0);
    CU_ASSERT_EQUAL(tw_team_shrink_to(tw_pool_team(pool), THREADS), 0);
    CU_ASSERT_EQUAL(books(pool).idle, THREADS);
    CU_ASSERT_EQUAL(tw_pool_limit(pool), THREADS);
    job_init(&job, NULL, NULL);
    CU_ASSERT_EQUAL(tw_pool_cancel(pool, &job.task), -EALREADY);
}

/* R13: a change of settings, or a look at the books, wakes nobody. */
TEST(settings_and_statistics_wake_nobody)
{
    static struct survey before, after;
    struct tw_pool *pool = start_herd();
    uint64_t wakes = books(pool).wakes;
    int i;
    survey_asleep(&before);
    for (i = 0; i < 100; i++)
        change_and_look(pool);
    survey_asleep(&after);
    CU_ASSERT_EQUAL(books(pool).wakes, wakes);
    CU_ASSERT_EQUAL(were_awake(&before, &after), 0);
    end(pool);
}

/* And one that shrinks wakes those that go, and no others. */
TEST(a_lower_limit_wakes_those_that_go)
{
    static struct survey before, after;
    struct tw_pool *pool = start_herd();
    size_t i, k, stayed = 0;
    survey_asleep(&before);
    CU_ASSERT_EQUAL(tw_pool_set_limit(pool, THREADS - 10), 0);
    do
        survey_all(&after);
    while (after.count > THREADS - 10 || after.asleep < after.count);
    for (i = k = 0; i < after.count; i++, k++) {
        while (k < THREADS && before.threads[k].id != after.threads[i].id)
            k++;
        stayed += k < THREADS && before.threads[k].sleeps == after.threads[i].sleeps;
    }
    CU_ASSERT_EQUAL(after.count, THREADS - 10);
    CU_ASSERT_EQUAL(stayed, THREADS - 10);
    end(pool);
}
