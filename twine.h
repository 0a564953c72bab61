/*
 * All of twine but the add-ons.
 */
#ifndef TWINE_TWINE_H
#define TWINE_TWINE_H

#include <twine/base/clock.h>
#include <twine/base/context.h>
#include <twine/base/error.h>
#include <twine/base/export.h>
#include <twine/base/failure.h>
#include <twine/base/memory.h>
#include <twine/base/report.h>
#include <twine/base/result.h>
#include <twine/base/result_type.h>
#include <twine/base/version.h>
#include <twine/compat/threadpool.h>
#include <twine/compat/tpool.h>
#include <twine/deferred/blocking_call.h>
#include <twine/deferred/bridge.h>
#include <twine/deferred/cooperator.h>
#include <twine/deferred/coroutine.h>
#include <twine/deferred/debug.h>
#include <twine/deferred/defer_later.h>
#include <twine/deferred/deferred.h>
#include <twine/deferred/deferred_as_completed.h>
#include <twine/deferred/event.h>
#include <twine/deferred/filesystem_lock.h>
#include <twine/deferred/from_thread.h>
#include <twine/deferred/helpers.h>
#include <twine/deferred/list.h>
#include <twine/deferred/lock.h>
#include <twine/deferred/looping_call.h>
#include <twine/deferred/queue.h>
#include <twine/deferred/react.h>
#include <twine/deferred/resolver.h>
#include <twine/deferred/semaphore.h>
#include <twine/deferred/timeout.h>
#include <twine/deferred/trigger.h>
#include <twine/reactor/blocking_call.h>
#include <twine/reactor/delayed_call.h>
#include <twine/reactor/descriptor.h>
#include <twine/reactor/libevent.h>
#include <twine/reactor/reactor.h>
#include <twine/reactor/reactor_ops.h>
#include <twine/reactor/test_clock.h>
#include <twine/reactor/trigger.h>
#include <twine/threads/as_completed.h>
#include <twine/threads/cancel.h>
#include <twine/threads/diagnostics.h>
#include <twine/threads/executor.h>
#include <twine/threads/future.h>
#include <twine/threads/limiter.h>
#include <twine/threads/lock_worker.h>
#include <twine/threads/memory_worker.h>
#include <twine/threads/pool.h>
#include <twine/threads/shutdown.h>
#include <twine/threads/strand.h>
#include <twine/threads/supply_pool.h>
#include <twine/threads/task.h>
#include <twine/threads/team.h>
#include <twine/threads/thread_cache.h>
#include <twine/threads/thread_worker.h>
#include <twine/threads/watch.h>
#include <twine/threads/worker.h>
#include <twine/threads/worker_ops.h>

#endif
