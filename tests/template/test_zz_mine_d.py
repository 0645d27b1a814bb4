import pytest
from tests.support import dynamodb
from tests.template import story as S, policy
from tests.template.policy import Role
MINE=("links","statements","me")
def test_mine(dynamodb_endpoint, monkeypatch):
    ask=Role.ask
    def lenient(self, action, resource, partitions=("",)):
        try: ask(self, action, resource, partitions)
        except PermissionError:
            if self.name in MINE: raise
            self.refused.clear()
    monkeypatch.setattr(Role,"ask",lenient)
    told=S.Story(dynamodb.new_database(dynamodb_endpoint), monkeypatch)
    S.onboard(told); S.earn(told); S.withdraw_and_decide(told); 
    S.follow_links(told); S.read_statements(told); S.look_at_oneself(told)
    for n in MINE:
        print(n, told.roles[n].unused(), told.roles[n].refused)
        assert told.roles[n].unused()==set()
