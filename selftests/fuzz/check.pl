#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# check.pl LMAP.TXT LMAP.H - print a C file that compiles only if the description has every structure of the header,
# with every field in its order, at its place and of its size, and whose main() prints lmap.txt.const. Fails if an
# ioctl, a structure, a field or a flag is in one of them only. Knows as much of syzlang as lmap.txt uses; must never
# skip a line that it doesn't understand.
use strict;
use warnings;

my ($description, $header) = @ARGV;
my (%size, %fields, %consts, %ioctl, $open, $union);
my @bad;

# size_of TYPE: bytes, or bits as -bits
sub size_of {
	my ($type) = @_;

	return -$1 if $type =~ /\bint64:(\d+)/;
	return 8 if $type =~ /^(vma64|ptr64)\b/;
	return $1 / 8 if $type =~ /\bint(8|16|32|64)\b/;
	return 4 if $type =~ /^fd_lmap_(window|pager)$/;
	return $size{$type} // die "$description:$.: type \"$type\"\n";
}

open(my $in, '<', $description) or die "$description: $!\n";
while (<$in>) {
	chomp;
	next if /^#|^$|^include |^resource /;
	$consts{$_} = 1 for /\b((?:LMAP|MAP|AT|O)_\w+)/g;
	if (/^(\w+) ([{\[])$/) {
		($open, $union) = ($1, $2 eq '[');
		$size{$open} = 0;
	} elsif (/^[}\]]$/) {
		$size{$open} = -$size{$open} / 8 if $size{$open} < 0;
		$open = undef;
	} elsif ($open && /^\t(\w+)\t+(.*?)(\t\((?:in|out|inout)\))?$/) {
		my $bytes = size_of($2);

		die "$description:$.: $1 has another size than its union\n" if $union && $size{$open} && $size{$open} != $bytes;
		push @{$fields{$open}}, [$1, $size{$open}, $bytes];
		$size{$open} = $union ? $bytes : $size{$open} + $bytes;
	} elsif (/^ioctl\$(\w+)\(fd fd_lmap(?:_pager)?, cmd const\[(\w+)\], arg ptr\[inout, (\w+)\]\)$/) {
		push @bad, "ioctl $1 has the number of $2" if $1 ne $2;
		$ioctl{$1} = $3;
	} elsif (!/^[a-z_0-9]+ = .*$/ && !/^[a-z0-9]+\$lmap(_window|_pager)?\(.*\)( \w+)?$/) {
		die "$description:$.: not understood: $_\n";
	}
}

open($in, '<', $header) or die "$header: $!\n";
my $text = join '', <$in>;
my %takes = map { $_ => lc($_) } $text =~ /^#define\s+(LMAP_\w+)\s+_IO\(/mg;
@takes{qw(LMAP_GRANT LMAP_COPY)} = ('lmap_map') x 2;
for (sort keys %takes) {
	push @bad, "ioctl $_ with struct $takes{$_} is missing" if ($ioctl{$_} // '') ne $takes{$_};
}
for (sort keys %ioctl) {
	push @bad, "no ioctl $_ in the header" if !$takes{$_};
}

print "#include <fcntl.h>\n#include <stddef.h>\n#include <stdio.h>\n#include <sys/mman.h>\n#include <linux/lmap.h>\n";
while ($text =~ /^struct (\w+) \{\n(.*?)^\};/msg) {
	my ($name, $body) = ($1, $2);
	my @theirs = map { $_->[0] } @{$fields{$name} // []};
	my @ours = $body =~ /(\w+);/g;

	push @bad, "struct $name is (@theirs), not (@ours)" if "@theirs" ne "@ours";
	next if "@theirs" ne "@ours";
	for (@{$fields{$name}}) {
		print "_Static_assert(offsetof(struct $name, $_->[0]) == $_->[1], \"place of $name.$_->[0]\");\n";
		print "_Static_assert(sizeof(((struct $name *)0)->$_->[0]) == $_->[2], \"size of $name.$_->[0]\");\n";
	}
	print "_Static_assert(sizeof(struct $name) == $size{$name}, \"size of $name\");\n";
}

# Inputs: flags, rights. Results and what the fields of a flexpage are made of need no name.
for ($text =~ /^#define\s+(LMAP_\w+)\s+(?:\(1U? << \d+\)|0x[0-9a-f]+)\s/mg) {
	next if /^LMAP_(IOC_TYPE|RIGHTS_ALL|FPAGE_\w+|ACCESSED|MODIFIED|OVERREVOKED)$/;
	push @bad, "$_ is missing" if !$consts{$_};
}

print "int main(void)\n{\n";
for (sort keys %consts) {
	print "\tprintf(\"$_ = %llu\\n\", (unsigned long long)($_) & (sizeof($_) == 4 ? 0xffffffffULL : ~0ULL));\n" if $_ ne 'AT_FDCWD';
	print "\tprintf(\"$_ = 18446744073709551516\\n\");\n" if $_ eq 'AT_FDCWD';
}
print "\treturn 0;\n}\n";
print STDERR "$description: $_\n" for @bad;
exit(@bad != 0);
