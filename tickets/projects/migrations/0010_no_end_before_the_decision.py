"""While a disqualification is proposed an application is neither rejected nor filed (article 7).

Either would close the steps on which the decision is recorded.
"""

from django.db import migrations

FORWARD = """
DROP TRIGGER no_withdrawal_under_disqualification ON projects_application;
CREATE TRIGGER no_end_under_disqualification BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state <> OLD.state AND NEW.state IN ('withdrawn', 'rejected', 'filed'))
EXECUTE FUNCTION projects_no_withdrawal_under_disqualification();
"""
BACKWARD = """
DROP TRIGGER no_end_under_disqualification ON projects_application;
CREATE TRIGGER no_withdrawal_under_disqualification BEFORE UPDATE ON projects_application
FOR EACH ROW WHEN (NEW.state = 'withdrawn' AND OLD.state <> 'withdrawn')
EXECUTE FUNCTION projects_no_withdrawal_under_disqualification();
"""


class Migration(migrations.Migration):
    dependencies = [("projects", "0009_filed_on_a_report_of_the_day")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
