// SPDX-License-Identifier: GPL-2.0
/*
 * plain - events as somebody reads them who has libnl and
 * Documentation/netlink/specs/lmap.yaml, and nothing else of lmap.
 *
 * A process lends four pages into a window of its own and takes them back, by
 * ioctls; the socket that watches the window must have one message then, and
 * in it what the yaml says. Must never use liblmap, nor wait: a message is there
 * when the call that caused it returns, or it is a failure.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/genl/ctrl.h>

#include <linux/lmap.h>
#include <linux/lmap_netlink.h>

#define TESTS	14
#define PAGES	4
#define SKIP	4

static int tests, failures;

static void __attribute__((format(printf, 2, 3)))
test(bool ok, const char *format, ...)
{
	va_list args;

	printf("%sok %d ", ok ? "" : "not ", ++tests);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failures += !ok;
}

static void __attribute__((noreturn))
bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The ioctls. */

static int window_create(int space, size_t length)
{
	struct lmap_window_create arg = {
		.size = sizeof(arg), .length = length,
		.rights = LMAP_RIGHTS_ALL,
	};

	if (ioctl(space, LMAP_WINDOW_CREATE, &arg))
		bail("LMAP_WINDOW_CREATE");
	return arg.out_fd;
}

/* The number of the mapping. */
static uint64_t map(int space, void *memory, size_t length, int window)
{
	struct lmap_map arg = {
		.size = sizeof(arg), .flags = LMAP_RANGE,
		.snd = (uintptr_t)memory, .length = length,
		.rights = LMAP_R | LMAP_W, .window = window,
	};

	if (ioctl(space, LMAP_MAP, &arg))
		bail("LMAP_MAP");
	return arg.out_node_id;
}

static void unmap(int space, void *memory, size_t length, unsigned int rights)
{
	struct lmap_unmap arg = {
		.size = sizeof(arg), .flags = LMAP_RANGE,
		.fpage = (uintptr_t)memory, .length = length, .rights = rights,
	};

	if (ioctl(space, LMAP_UNMAP, &arg))
		bail("LMAP_UNMAP");
}

/* Netlink: what came last, decoded. */

struct message {
	unsigned int count;
	int cmd;
	bool has[LMAP_A_MAX + 1];
	uint64_t value[LMAP_A_MAX + 1];
	bool unknown;		/* an attribute that is not in the yaml */
};

/* By their types in the yaml. */
static bool is_u64(int attribute)
{
	switch (attribute) {
	case LMAP_A_SEQ:
	case LMAP_A_GENERATION:
	case LMAP_A_WINDOW:
	case LMAP_A_SPACE:
	case LMAP_A_NODE:
	case LMAP_A_OFFSET:
	case LMAP_A_LENGTH:
		return true;
	default:
		return false;
	}
}

static int decode(struct nl_msg *msg, void *arg)
{
	struct genlmsghdr *g = genlmsg_hdr(nlmsg_hdr(msg));
	struct message *m = arg;
	struct nlattr *a;
	int rest;

	memset(m->has, 0, sizeof(m->has));
	memset(m->value, 0, sizeof(m->value));
	m->count++;
	m->cmd = g->cmd;
	nla_for_each_attr(a, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0),
			  rest) {
		int type = nla_type(a);

		if (type == LMAP_A_PAD)
			continue;
		if (type > LMAP_A_MAX ||
		    nla_len(a) != (is_u64(type) ? 8 : 4)) {
			m->unknown = true;
			continue;
		}
		m->has[type] = true;
		m->value[type] = is_u64(type) ? nla_get_u64(a) : nla_get_u32(a);
	}
	return NL_OK;
}

static void expect_value(const struct message *m, int attribute,
			 const char *name, uint64_t value)
{
	test(m->has[attribute] && m->value[attribute] == value,
	     "%s is %llu # %s%llu", name, (unsigned long long)value,
	     m->has[attribute] ? "" : "absent, ",
	     (unsigned long long)m->value[attribute]);
}

/* Everything that is in the queue now; how many messages. */
static unsigned int read_all(struct nl_sock *sk, struct message *m)
{
	m->count = 0;
	while (!nl_recvmsgs_default(sk))
		;
	return m->count;
}

/* Asks to watch a descriptor: 0 and the reply in @m, or an error of libnl. */
static int watch(struct nl_sock *sk, int family, int fd)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, 0,
				 LMAP_CMD_WATCH, LMAP_FAMILY_VERSION) ||
	    nla_put_u32(msg, LMAP_A_FD, fd))
		bail("no memory");
	return nl_send_sync(sk, msg);
}

static struct nl_sock *connect_socket(int *family, struct message *m)
{
	struct nl_sock *sk = nl_socket_alloc();

	if (!sk || genl_connect(sk))
		bail("genl_connect");
	*family = genl_ctrl_resolve(sk, LMAP_FAMILY_NAME);
	if (*family < 0) {
		printf("1..0 # SKIP the kernel has no netlink family \"%s\"\n",
		       LMAP_FAMILY_NAME);
		exit(SKIP);
	}
	nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, decode, m);
	/* events answer nothing: their sequence number is 0 */
	nl_socket_disable_seq_check(sk);
	return sk;
}

static void check_revoked(const struct message *m, uint64_t window,
			  uint64_t node, size_t length)
{
	test(m->cmd == LMAP_CMD_REVOKED && !m->unknown, "it is \"revoked\"");
	expect_value(m, LMAP_A_SEQ, "seq", 1);
	expect_value(m, LMAP_A_REASON, "reason", LMAP_REASON_UNMAP);
	expect_value(m, LMAP_A_WINDOW, "window", window);
	expect_value(m, LMAP_A_PID, "pid", getpid());
	expect_value(m, LMAP_A_NODE, "node", node);
	test(m->has[LMAP_A_OFFSET] && !m->value[LMAP_A_OFFSET] &&
	     m->value[LMAP_A_LENGTH] == length, "it is about all pages");
	test(m->has[LMAP_A_RIGHTS] && !m->value[LMAP_A_RIGHTS] &&
	     m->value[LMAP_A_RIGHTS_BEFORE] == (LMAP_R | LMAP_W),
	     "r and w are lost, nothing is left");
	test(m->value[LMAP_A_MAPPINGS] == 1 && m->value[LMAP_A_GENERATION],
	     "one mapping, and a generation");
}

int main(void)
{
	size_t length = PAGES * sysconf(_SC_PAGESIZE);
	int space = open("/dev/lmap", O_RDWR | O_CLOEXEC), window, family;
	struct message m = { 0 };
	struct nl_sock *sk;
	uint64_t number, node;
	void *memory = NULL;

	printf("TAP version 13\n");
	if (space < 0) {
		printf("1..0 # SKIP /dev/lmap: %s\n", strerror(errno));
		return SKIP;
	}
	sk = connect_socket(&family, &m);
	printf("1..%d\n", TESTS);
	if (posix_memalign(&memory, length, length))
		bail("no memory");
	memset(memory, 1, length);
	window = window_create(space, length);

	test(watch(sk, family, STDOUT_FILENO) < 0,
	     "what is neither window nor space is refused");
	test(!watch(sk, family, window) && m.has[LMAP_A_WINDOW] &&
	     m.value[LMAP_A_WINDOW] && !m.value[LMAP_A_SPACE],
	     "a window is watched, and its number told");
	number = m.value[LMAP_A_WINDOW];
	nl_socket_set_nonblocking(sk);
	node = map(space, memory, length, window);
	test(!read_all(sk, &m), "who did not ask for gains is told of none");
	unmap(space, memory, length, LMAP_R);
	test(read_all(sk, &m) == 1, "one message when unmap has returned");
	check_revoked(&m, number, node, length);

	close(window);
	test(read_all(sk, &m) == 1 && m.cmd == LMAP_CMD_CLOSED &&
	     m.value[LMAP_A_WINDOW] == number &&
	     m.value[LMAP_A_REASON] == LMAP_REASON_CLOSE &&
	     m.value[LMAP_A_SEQ] == 2, "and one when the window is closed");
	nl_socket_free(sk);
	free(memory);
	close(space);
	return failures ? 1 : 0;
}
