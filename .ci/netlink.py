#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""netlink.py - does uapi/linux/lmap_netlink.h say what Documentation/netlink/specs/lmap.yaml says?

Makes a C file of the yaml that asserts each number, and compiles it; then sees that the header has no name that is not
in the yaml. Names inside the yaml must be of something, and the yaml must be valid by the kernel's own schema,
Documentation/netlink/genetlink.yaml, if there is a kernel source that has it (6.3 or later): LMAP_KERNEL_SOURCE names one,
otherwise the cache is searched. The schema is never copied into this tree. Must never change a file, and never pass
because something could not be read.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

import jsonschema
import yaml

SPEC = 'Documentation/netlink/specs/lmap.yaml'
HEADER = 'uapi/linux/lmap_netlink.h'
SCHEMA = 'Documentation/netlink/genetlink.yaml'

problems = []


def problem(text):
    problems.append(text)


def c_name(*parts):
    return '-'.join(parts).replace('-', '_').upper()


def numbers(items, start):
    """Name and value of each item: one more than the last, unless it says its own."""
    value = start
    for item in items:
        item = {'name': item} if isinstance(item, str) else item
        value = item.get('value', value)
        yield item['name'], value
        value += 1


def definitions(spec):
    """Constants of enumerations, as the kernel's generator names them."""
    for d in spec.get('definitions', []):
        prefix = d.get('name-prefix', f"{spec['name']}-{d['name']}-")
        for name, value in numbers(d['entries'], d.get('value-start', 0)):
            yield c_name(prefix + name), 1 << value if d['type'] == 'flags' else value


def attributes(spec):
    for s in spec['attribute-sets']:
        if 'subset-of' in s:
            continue
        prefix = s.get('name-prefix', f"{spec['name']}-a-")
        last = 0
        for name, last in numbers(s['attributes'], 1):
            yield c_name(prefix + name), last
        yield c_name(prefix + 'max'), last
        yield '__' + c_name(prefix + 'max'), last + 1


def commands(spec):
    prefix = spec['operations'].get('name-prefix', f"{spec['name']}-cmd-")
    last = 0
    for name, last in numbers(spec['operations']['list'], 1):
        yield c_name(prefix + name), last
    yield c_name(prefix + 'max'), last
    yield '__' + c_name(prefix + 'max'), last + 1


def strings(spec):
    yield c_name(spec['name'], 'family-name'), spec['name']
    for group in spec.get('mcast-groups', {}).get('list', []):
        yield c_name(spec['name'], 'mcgrp', group['name']), group['name']


def expected_numbers(spec):
    # rights are those of the ioctl interface, whose header has them
    own = [(n, v) for n, v in definitions(spec) if not n.startswith('LMAP_RIGHTS_')]
    return own + list(attributes(spec)) + list(commands(spec)) + [('LMAP_FAMILY_VERSION', spec.get('version', 1))]


def rights(spec):
    for name, value in definitions(spec):
        if name.startswith('LMAP_RIGHTS_'):
            yield name.replace('RIGHTS_', ''), value


def check_numbers(spec):
    lines = ['#include <linux/lmap.h>', '#include <linux/lmap_netlink.h>']
    for name, value in expected_numbers(spec) + list(rights(spec)):
        lines.append(f'_Static_assert((long long)({name}) == {value}LL, "{name} is not {value}");')
    for name, value in strings(spec):
        lines.append(f'_Static_assert(!__builtin_strcmp({name}, "{value}"), "{name}");')
    with tempfile.NamedTemporaryFile('w', suffix='.c') as f:
        f.write('\n'.join(lines) + '\n')
        f.flush()
        cc = subprocess.run([os.environ.get('CC', 'cc'), '-std=gnu11', '-Iuapi', '-fsyntax-only', f.name],
                            capture_output=True, text=True, check=False)
    if cc.returncode:
        problem(f'{HEADER}:\n{cc.stderr}')


def check_nothing_else(spec):
    with open(HEADER, encoding='utf-8') as f:
        text = re.sub(r'/\*.*?\*/', ' ', f.read(), flags=re.DOTALL)
    known = {name for name, _ in expected_numbers(spec)} | {name for name, _ in strings(spec)}
    known |= {c_name(spec['name'], d['name']).lower() for d in spec.get('definitions', [])}
    known.add('_UAPI_LINUX_LMAP_NETLINK_H')
    used = {w for w in re.findall(r'\b\w+\b', re.sub(r'"[^"]*"', ' ', text)) if 'lmap' in w.lower()}
    for name in sorted(used - known):
        problem(f'{HEADER}: {name} is not in {SPEC}')


def check_attributes_of(op, known):
    """Each attribute that an operation names is in its set."""
    own = known.get(op.get('attribute-set'))
    if own is None:
        problem(f"{SPEC}: {op['name']}: no attribute set {op.get('attribute-set')}")
        return
    messages = [op.get(kind, {}).get(side, {}) for kind in ('do', 'dump') for side in ('request', 'reply')]
    for message in messages + [op.get('event', {})]:
        for a in message.get('attributes', []):
            if a not in own:
                problem(f"{SPEC}: {op['name']}: no attribute {a}")


def check_references(spec):
    """What the schema can't see: names that must be of something, and only once."""
    known = {s['name']: [a['name'] for a in s['attributes']] for s in spec['attribute-sets']}
    enums = [d['name'] for d in spec.get('definitions', [])]
    groups = [g['name'] for g in spec.get('mcast-groups', {}).get('list', [])]
    for s in spec['attribute-sets']:
        for a in s['attributes']:
            if 'enum' in a and a['enum'] not in enums:
                problem(f"{SPEC}: {a['name']}: no definition {a['enum']}")
    for op in spec['operations']['list']:
        check_attributes_of(op, known)
        if 'mcgrp' in op and op['mcgrp'] not in groups:
            problem(f"{SPEC}: {op['name']}: no group {op['mcgrp']}")
    for names in list(known.values()) + [enums, groups, [op['name'] for op in spec['operations']['list']]]:
        for name in {n for n in names if names.count(n) > 1}:
            problem(f'{SPEC}: {name} is there twice')


def find_schema():
    given = os.environ.get('LMAP_KERNEL_SOURCE')
    if given:
        path = os.path.join(given, SCHEMA)
        if not os.path.exists(path):
            problem(f'LMAP_KERNEL_SOURCE: {path} is not there')
            return None
        return path
    cache = os.environ.get('LMAP_CACHE') or os.path.join(
        os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'lmap')
    # a framework, or a kernel that is being built
    found = sorted(p for n in range(4) for p in glob.glob(os.path.join(cache, *['*'] * n, SCHEMA)))
    return found[-1] if found else None


def check_schema(spec):
    path = find_schema()
    if not path:
        print(f'# no kernel source has {SCHEMA}: only what this script knows was checked')
        return
    with open(path, encoding='utf-8') as f:
        # the kernel's file declares YAML 1.2 behind its licence; nothing in it differs
        schema = yaml.safe_load(re.sub(r'^%YAML.*$', '', f.read(), flags=re.MULTILINE))
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(spec))
    for error in errors:
        where = '/'.join(str(p) for p in error.absolute_path)
        problem(f'{SPEC}: {where}: {error.message}')
    if not errors:
        print(f'# {SPEC} is valid by {SCHEMA}')


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.realpath(__file__)), '..'))
    with open(SPEC, encoding='utf-8') as f:
        spec = yaml.safe_load(f)
    check_references(spec)
    check_numbers(spec)
    check_nothing_else(spec)
    check_schema(spec)
    for text in problems:
        print(text)
    return bool(problems)


if __name__ == '__main__':
    sys.exit(main())
