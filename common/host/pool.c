#include "common/host/internal.h"

static void job_done(struct mail *mail)
{
    struct disk_job *job = CONTAINER_OF(mail, struct disk_job, mail);
    job->done(job);
}

static struct disk_job *job_take(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    while (pool->head == NULL && !pool->stopping) {
        (void)pthread_cond_wait(&pool->wake, &pool->mutex);
    }
    struct disk_job *job = pool->head;
    if (job != NULL) {
        pool->head = job->next;
        if (pool->head == NULL) {
            pool->tail = NULL;
        }
    }
    (void)pthread_mutex_unlock(&pool->mutex);
    return job;
}

/* Jobs that wait when the pool stops are still done: they may be the last syncs. */
static void *pool_main(void *arg)
{
    struct pool *pool = arg;
    (void)pthread_setname_np(pthread_self(), "disk");
    for (struct disk_job *job = job_take(pool); job != NULL; job = job_take(pool)) {
        if (job->done == NULL) {
            job->work(job); /* and is its owner's again */
            continue;
        }
        job->work(job);
        job->mail.deliver = job_done;
        loop_post(job->loop, &job->mail);
    }
    return NULL;
}

err_t pool_start(struct pool *pool, unsigned threads)
{
    assert(threads > 0 && threads <= ARRAY_LEN(pool->threads));
    int failed = pthread_mutex_init(&pool->mutex, NULL) | pthread_cond_init(&pool->wake, NULL);
    assert(failed == 0);
    for (; pool->thread_count < threads; pool->thread_count++) {
        if (pthread_create(&pool->threads[pool->thread_count], NULL, pool_main, pool) != 0) {
            pool_stop(pool);
            return ERR_LIMIT;
        }
    }
    return OK;
}

void pool_stop(struct pool *pool)
{
    (void)pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    (void)pthread_cond_broadcast(&pool->wake);
    (void)pthread_mutex_unlock(&pool->mutex);
    while (pool->thread_count > 0) {
        (void)pthread_join(pool->threads[--pool->thread_count], NULL);
    }
}

void disk_submit(struct loop *loop, struct disk_job *job)
{
    struct pool *pool = &loop->host->pool;
    assert(job->work != NULL);
    job->loop = loop;
    job->next = NULL;
    (void)pthread_mutex_lock(&pool->mutex);
    if (pool->tail == NULL) {
        pool->head = job;
    } else {
        pool->tail->next = job;
    }
    pool->tail = job;
    (void)pthread_cond_signal(&pool->wake);
    (void)pthread_mutex_unlock(&pool->mutex);
}
