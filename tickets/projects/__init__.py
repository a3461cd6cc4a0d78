"""From a drawn area to a filing: projects, applications, materials, the steps of the departments."""
