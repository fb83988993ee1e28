/* Why: which of the compiler's sanitizers this build has, as gcc and clang each say it.
 * Life: constants.
 * Thread: any. */
#ifndef GW_COMMON_BASE_SANITIZERS_H
#define GW_COMMON_BASE_SANITIZERS_H

#if defined(__has_feature)
#define GW_HAS_FEATURE(name) __has_feature(name)
#else
#define GW_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || GW_HAS_FEATURE(address_sanitizer)
#define GW_HAS_ASAN 1
#else
#define GW_HAS_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || GW_HAS_FEATURE(thread_sanitizer)
#define GW_HAS_TSAN 1
#else
#define GW_HAS_TSAN 0
#endif

#endif
