// SPDX-License-Identifier: GPL-2.0
/* See nl.h. */
#include "nl.h"


#ifndef SOL_NETLINK
#define SOL_NETLINK	270
#endif

#define KEPT_MAX	65536

static unsigned int last_seq;
static int family, group;

/* Messages that came while somebody waited for an answer. */
static struct kept {
	int nl;
	struct told told;
} kept[KEPT_MAX];
static int nr_kept;

static char *put(char *at, int attr, const void *value, size_t length)
{
	struct nlattr *nla = (struct nlattr *)at;

	nla->nla_type = attr;
	nla->nla_len = NLA_HDRLEN + length;
	memcpy(at + NLA_HDRLEN, value, length);
	return at + NLA_ALIGN(nla->nla_len);
}

static int send_request(int nl, int type, int cmd, unsigned int flags,
			const void *attrs, size_t length)
{
	char buf[512] = {};
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	struct genlmsghdr *genl = (struct genlmsghdr *)(buf + NLMSG_HDRLEN);

	nlh->nlmsg_len = NLMSG_HDRLEN + GENL_HDRLEN + length;
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++last_seq;
	genl->cmd = cmd;
	genl->version = 1;
	memcpy(buf + NLMSG_HDRLEN + GENL_HDRLEN, attrs, length);
	return send(nl, buf, nlh->nlmsg_len, 0) < 0 ? -errno : 0;
}

int nl_request(int nl, int cmd, unsigned int flags, const void *attrs,
	       size_t length)
{
	return send_request(nl, family, cmd, flags, attrs, length);
}

static uint64_t value_of(const struct nlattr *nla)
{
	uint64_t value = 0;
	size_t length = nla->nla_len - NLA_HDRLEN;

	memcpy(&value, (const char *)nla + NLA_HDRLEN, length < 8 ? length : 8);
	return value;
}

static void decode(const struct nlmsghdr *nlh, struct told *told)
{
	const struct genlmsghdr *genl = NLMSG_DATA(nlh);
	const char *at = (const char *)genl + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;

	memset(told, 0, sizeof(*told));
	told->cmd = genl->cmd;
	told->flags = nlh->nlmsg_flags;
	while (at + NLA_HDRLEN <= end) {
		const struct nlattr *nla = (const struct nlattr *)at;

		if (nla->nla_type <= LMAP_A_MAX) {
			told->attr[nla->nla_type] = value_of(nla);
			told->has |= 1ULL << nla->nla_type;
		}
		at += NLA_ALIGN(nla->nla_len);
	}
}

static void keep(int nl, const struct nlmsghdr *nlh)
{
	if (nr_kept == KEPT_MAX) {
		fprintf(stderr, "too many messages at once\n");
		_exit(1);
	}
	kept[nr_kept].nl = nl;
	decode(nlh, &kept[nr_kept++].told);
}

static int receive(int nl, char *buf, size_t size, int flags)
{
	ssize_t n;

	do {
		n = recv(nl, buf, size, flags);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* The answer to the last request: messages of it, or -errno. */
int nl_answer(int nl, struct told *told, int max)
{
	static char buf[65536];
	int found = 0, done = 0;

	while (!done) {
		int n = receive(nl, buf, sizeof(buf), 0);
		struct nlmsghdr *nlh = (struct nlmsghdr *)buf;

		/* Something else was lost: the answer still comes. */
		if (n == -ENOBUFS)
			continue;
		if (n < 0)
			return n;
		for (; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
			if (nlh->nlmsg_seq != last_seq) {
				if (nlh->nlmsg_type == family)
					keep(nl, nlh);
				continue;
			}
			if (nlh->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)NLMSG_DATA(nlh))->error;
			if (nlh->nlmsg_type == NLMSG_DONE) {
				int ret = *(int *)NLMSG_DATA(nlh);

				if (ret < 0)
					return ret;
				done = 1;
				continue;
			}
			if (found < max)
				decode(nlh, &told[found]);
			found++;
			done = !(nlh->nlmsg_flags & NLM_F_MULTI);
		}
	}
	return found;
}

/* Numbers of the family and of its group, from the controller. */
static void find_family(int nl, const struct nlmsghdr *nlh)
{
	const char *at = (const char *)NLMSG_DATA(nlh) + GENL_HDRLEN;
	const char *end = (const char *)nlh + nlh->nlmsg_len;

	for (; at + NLA_HDRLEN <= end;
	     at += NLA_ALIGN(((const struct nlattr *)at)->nla_len)) {
		const struct nlattr *nla = (const struct nlattr *)at, *in;

		if (nla->nla_type == CTRL_ATTR_FAMILY_ID)
			family = value_of(nla);
		if ((nla->nla_type & NLA_TYPE_MASK) != CTRL_ATTR_MCAST_GROUPS)
			continue;
		/* There is one group: its nest's nest. */
		in = (const struct nlattr *)(at + 2 * NLA_HDRLEN);
		for (int i = 0; i < 2; i++) {
			if (in->nla_type == CTRL_ATTR_MCAST_GRP_ID)
				group = value_of(in);
			in = (const struct nlattr *)((const char *)in +
						     NLA_ALIGN(in->nla_len));
		}
	}
}

int nl_open(void)
{
	struct sockaddr_nl sa = { .nl_family = AF_NETLINK };
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	char buf[8192], attrs[64], *end;
	int n;

	if (nl < 0 || bind(nl, (struct sockaddr *)&sa, sizeof(sa)))
		return -errno;
	end = put(attrs, CTRL_ATTR_FAMILY_NAME, LMAP_FAMILY_NAME,
		  sizeof(LMAP_FAMILY_NAME));
	send_request(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0, attrs, end - attrs);
	n = receive(nl, buf, sizeof(buf), 0);
	if (n < 0)
		return n;
	if (((struct nlmsghdr *)buf)->nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(buf))->error;
	find_family(nl, (struct nlmsghdr *)buf);
	return nl;
}

long nl_watch(int nl, int fd, unsigned int watch)
{
	char attrs[64], *end;
	struct told told;
	int ret;

	end = put(attrs, LMAP_A_FD, &fd, 4);
	if (watch)
		end = put(end, LMAP_A_WATCH, &watch, 4);
	ret = nl_request(nl, LMAP_CMD_WATCH, 0, attrs, end - attrs);
	if (!ret)
		ret = nl_answer(nl, &told, 1);
	if (ret != 1)
		return ret ?: -EPROTO;
	return TOLD(&told, WINDOW) ?: TOLD(&told, SPACE);
}

int nl_unwatch(int nl, int attr, uint64_t id)
{
	char attrs[64], *end = put(attrs, attr, &id, 8);
	int ret = nl_request(nl, LMAP_CMD_UNWATCH, NLM_F_ACK, attrs, end - attrs);

	return ret ?: nl_answer(nl, NULL, 0);
}

int nl_join(int nl)
{
	return setsockopt(nl, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
			  sizeof(group)) ? -errno : 0;
}

static bool next_kept(int nl, struct told *told)
{
	for (int i = 0; i < nr_kept; i++) {
		if (kept[i].nl != nl)
			continue;
		*told = kept[i].told;
		nr_kept--;
		memmove(&kept[i], &kept[i + 1], (nr_kept - i) * sizeof(*kept));
		return true;
	}
	return false;
}

int nl_next(int nl, struct told *told)
{
	char buf[8192];
	int n;

	if (next_kept(nl, told))
		return 1;
	n = receive(nl, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -EAGAIN)
		return 0;
	if (n < 0)
		return n;
	decode((struct nlmsghdr *)buf, told);
	return 1;
}

int nl_drain(int nl)
{
	struct told told;
	int ret, n = 0;

	while ((ret = nl_next(nl, &told)) == 1)
		n++;
	return ret ?: n;
}

int nl_dump(int nl, int cmd, uint64_t window, struct told *told, int max)
{
	char attrs[64], *end = attrs;
	int ret;

	if (window)
		end = put(attrs, LMAP_A_WINDOW, &window, 8);
	ret = nl_request(nl, cmd, NLM_F_DUMP, attrs, end - attrs);
	return ret ?: nl_answer(nl, told, max);
}

long nl_stat(int attr)
{
	int nl = nl_open(), ret;
	struct told told;

	if (nl < 0)
		return nl;
	ret = nl_request(nl, LMAP_CMD_STATS_GET, 0, NULL, 0);
	if (!ret)
		ret = nl_answer(nl, &told, 1);
	close(nl);
	return ret == 1 ? (long)told.attr[attr] : ret ?: -EPROTO;
}

bool nl_tells_losses(int nl, size_t length, unsigned int over,
		     unsigned int mappings)
{
	unsigned int told = 0, whole = 0;
	struct told t;
	int ret, lost = 0;

	while ((ret = nl_next(nl, &t))) {
		if (ret == -ENOBUFS) {
			lost = 1;
			continue;
		}
		if (ret < 0 || t.cmd != LMAP_CMD_REVOKED || TOLD(&t, RIGHTS))
			return false;
		told += TOLD(&t, MAPPINGS);
		if (TOLD(&t, REASON) == LMAP_REASON_NOMEM &&
		    TOLD(&t, LENGTH) > length)
			whole++;
		else if (TOLD(&t, REASON) != LMAP_REASON_UNMAP ||
			 TOLD(&t, LENGTH) != length)
			return false;
	}
	return lost || (told == mappings && !whole == !over);
}
