/*
 * agentinfo.c - BaragonAgentMetadata and BaragonKnownAgentMetadata
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lib/model/agentinfo.h"

#include <string.h>

#include "lib/base/str.h"

#define MAX_URI 2048

#define EC2(json, c)                                                                               \
	{                                                                                          \
		.name = (json), .kind = FIELD_STRING, .offset = offsetof(struct agent_ec2, c)      \
	}
static const struct field ec2_fields[] = {
	EC2("instanceId", instance_id),
	EC2("availabilityZone", availability_zone),
	EC2("subnetId", subnet_id),
	EC2("vpcId", vpc_id),
	EC2("privateIp", private_ip),
};
static const struct record ec2_record = {
	.name = "BaragonAgentEc2Metadata",
	.size = sizeof(struct agent_ec2),
	.fields = ec2_fields,
	.n_fields = ARRAY_LEN(ec2_fields),
};

#define GCLOUD(json, c)                                                                            \
	{                                                                                          \
		.name = (json), .kind = FIELD_STRING, .offset = offsetof(struct agent_gcloud, c)   \
	}
static const struct field gcloud_fields[] = {
	GCLOUD("resourceGroup", resource_group),
	GCLOUD("project", project),
	GCLOUD("region", region),
	GCLOUD("backendService", backend_service),
	GCLOUD("instanceName", instance_name),
};
static const struct record gcloud_record = {
	.name = "BaragonAgentGcloudMetadata",
	.size = sizeof(struct agent_gcloud),
	.fields = gcloud_fields,
	.n_fields = ARRAY_LEN(gcloud_fields),
};

/* Length of "host:port" at `s` when it is [^:/]+ ':' 1-5 digits '/'; 0 = no. */
static size_t authority_length(const char *s)
{
	size_t host = strcspn(s, ":/"), digits;

	if (host == 0 || s[host] != ':')
		return 0;
	digits = strspn(s + host + 1, "0123456789");
	if (digits < 1 || digits > 5 || s[host + 1 + digits] != '/')
		return 0;
	return host + 1 + digits;
}

/* The form of old agents: a URI, from which the id is taken. */
/* Java's metadata of an agent known by its URI alone: an object of nulls, not null. */
static const struct agent_ec2 nothing_known;

static int from_uri(const char *uri, struct arena *a, void *obj, struct error *err)
{
	size_t scheme = str_starts(uri, "https://") ? 8 : str_starts(uri, "http://") ? 7 : 0, n;
	struct agentinfo *i = obj;

	n = scheme > 0 ? authority_length(uri + scheme) : 0;
	if (n == 0 || strlen(uri) > MAX_URI || strpbrk(uri, "\r\n") != NULL)
		return error_set(
			err, ERR_INVALID, "agent '%.200s' is not http[s]://host:port/path", uri);
	*i = (struct agentinfo){
		.base_uri = arena_strdup(a, uri), .agent_id = arena_strndup(a, uri + scheme, n), .ec2 = &nothing_known};
	return 0;
}

#define INFO(json, kind_, c)                                                                       \
	.name = (json), .kind = (kind_), .offset = offsetof(struct agentinfo, c)
static const struct field agentinfo_fields[] = {
	{ INFO("baseAgentUri", FIELD_STRING, base_uri) },
	{ INFO("agentId", FIELD_STRING, agent_id) },
	{ INFO("domain", FIELD_STRING, domain) },
	{ INFO("ec2", FIELD_RECORD, ec2), .of = &ec2_record },
	{ INFO("gcloud", FIELD_RECORD, gcloud), .of = &gcloud_record },
	{ INFO("extraAgentData", FIELD_STRING_MAP, extra) },
	{ INFO("batchEnabled", FIELD_BOOL, batch_enabled) },
	{ INFO("lastSeenAt", FIELD_INT, last_seen_at) }, /* known agents only */
};
const struct record agentinfo_record = {
	.name = "BaragonAgentMetadata",
	.size = sizeof(struct agentinfo),
	.fields = agentinfo_fields,
	.n_fields = ARRAY_LEN(agentinfo_fields) - 1,
	.from_string = from_uri,
};
const struct record known_agent_record = {
	.name = "BaragonKnownAgentMetadata",
	.size = sizeof(struct agentinfo),
	.fields = agentinfo_fields,
	.n_fields = ARRAY_LEN(agentinfo_fields),
};

int agentinfo_decode(
	const char *text, size_t n, struct arena *a, struct agentinfo **out, struct error *err)
{
	struct agentinfo *i;

	if (n < 4 || memcmp(text, "http", 4) != 0)
		return record_decode(&agentinfo_record, text, n, a, out, err);
	if (n > MAX_URI || memchr(text, '\0', n) != NULL || !utf8_valid(text, n))
		return error_set(err, ERR_INVALID, "agent metadata is neither JSON nor a URI");
	i = arena_alloc(a, sizeof(*i));
	if (from_uri(arena_strndup(a, text, n), a, i, err) != 0)
		return ERR_INVALID;
	*out = i;
	return 0;
}

bool agentinfo_is_lockstep(const struct agentinfo *i)
{
	const struct value *v = value_get(i->extra, "lockstep");

	return v != NULL && v->kind == VALUE_STRING && v->u.s[0] != '\0';
}
