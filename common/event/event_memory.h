/* Why: libevent keeps a few bytes for every descriptor number that it has ever seen. Among the memory of connections each such record would
 *   hold a page back after a burst; here they lie together.
 * Life: gw_event_memory_use before anything else of libevent; to the end of the process.
 * Thread: any. */
#ifndef GW_COMMON_EVENT_EVENT_MEMORY_H
#define GW_COMMON_EVENT_EVENT_MEMORY_H

/* libevent's small pieces come from a range of their own from now on. Later calls do nothing. */
void gw_event_memory_use(void);

#endif
